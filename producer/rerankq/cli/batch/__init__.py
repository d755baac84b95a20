"""`run` and `results`: the commands for batches.

run           the two commands and their options
command       opens a batch, runs a session with it, and reports how it ended
session       feeds and collects at the same time, and handles Ctrl-C
feed          adds jobs to the batch, in order, then seals it
incoming      makes entries of a batch from lines, valid or not
collect       writes the rows of the batch
interrupts    what Ctrl-C, SIGTERM and SIGHUP do
unserved      gives up when no worker ever used this Redis
waiting_room  tells the user that the command waits for a full lane
obstacles     why jobs wait
pace          rate and time left
progress      the bar
summary       the counts, as a sentence or JSON
closing       the last lines, also of a run that ended early
"""
