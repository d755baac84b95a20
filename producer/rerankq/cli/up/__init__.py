"""`rerankq up`: the whole service on one machine.

command     the steps, in order
folder      the folder of data, which one `rerankq up` uses at a time
access      the gateway's token, and the ports
output      one log of all parts, a name before each line
"""
