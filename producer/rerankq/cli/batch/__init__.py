"""`run` and `results`: the commands over a batch.

run           the two commands and their options
command       opens a batch, runs a session over it, and says how it ended
session       feeds and collects side by side, with Ctrl-C
feed          jobs into the batch, in order, then the seal
incoming      lines to entries of a batch, good ones and bad ones
collect       rows out of the batch
interrupts    what Ctrl-C, SIGTERM and SIGHUP do
unserved      says that no worker serves the lane
waiting_room  what may be said of waiting jobs
obstacles     why jobs wait
pace          rate and time left
progress      the bar
summary       the last lines
closing       what is said when a run ends early
"""
