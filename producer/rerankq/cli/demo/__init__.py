"""`rerankq demo`: everything on a machine without a set-up.

command     the steps, in order
stack       Redis, upstream, worker and Flower: started if needed, stopped in reverse order
children    a child process, with its log and its end
showing     shows some rankings, and the lines that are no jobs
"""
