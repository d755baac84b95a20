"""What an operator reads in a worker's log.

log_setup    where lines go, how they look, and which of them
log_lines    a record as a line of text or JSON
log_bursts   one line in place of many similar ones
log_writer   writes lines in a thread, so that the worker never waits for it
banner       the lines at a worker's start
event_log    a line for each event that an operator should see
listeners    adds the operator's own listeners, which a setting names
activity     counts what happens
summary      a line each minute with these counts
"""
