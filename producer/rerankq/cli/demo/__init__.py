"""`rerankq demo`: everything on a machine without a set-up.

command     the steps, in order
showing     shows some rankings, and the lines that are no jobs

The parts that it starts are in `rerankq.cli.stack`.
"""
