"""`rerankq plan`: what a file of jobs will cost, before anything is paid.

command  reads the file, and prints the plan
pace     what the accounts in Redis allow, if Redis is at hand
report   the plan in words, with charts
figures  the plan as JSON
"""
