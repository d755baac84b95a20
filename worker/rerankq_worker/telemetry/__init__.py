"""What an operator reads in a worker's log.

log_setup    where lines go, how they look, and which of them
log_lines    a record as a line of text or JSON
log_bursts   one line for many alike
log_writer   writes lines without ever holding the worker up
banner       what a worker says of itself at its start
event_log    lines that tell what happens, as events tell it
activity     counts what happens
summary      a line a minute of these counts
"""
