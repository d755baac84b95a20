"""`rerankq demo`: the whole path on a machine with nothing.

command     the steps, in their order
stack       Redis, upstream, worker and Flower: started when needed, stopped in reverse
children    a process of our own: its log, its end
showing     rankings worth a look, and the lines that were no jobs
"""
