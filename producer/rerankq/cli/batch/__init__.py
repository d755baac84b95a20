"""`run`, `results` and `batch`: the commands for batches.

run           the first two commands and their options
group         the commands of `rerankq batch`, which are in `listing`, `status`, `watch`, `control`
              and `retry`
shown         a batch as it is shown to people, and as JSON
command       opens a batch, runs a session with it, and reports how it ended
outputs       opens the output in the format that its name tells
checkpoint    which batches a run has opened, and by which settings, in a file
run_settings  those settings
earlier       what earlier runs of a checkpoint have submitted
session       feeds and collects at the same time, and handles Ctrl-C
feed          adds jobs to the batch, in order, then seals it
incoming      makes entries of a batch from lines, valid or not
collect       writes the rows of the batch
interrupts    what Ctrl-C, SIGTERM and SIGHUP do
unserved      gives up when no worker ever used this Redis
waiting_room  tells the user that the command waits for a full lane
obstacles     what holds up jobs of any kind
cancellation  ends tasks
pace          rate and time left
progress      the bar
summary       the counts, as a sentence or JSON
closing       the last lines, also of a run that ended early
listing       `rerankq batch list`
status        `rerankq batch status`
watch         `rerankq batch watch`
control       `rerankq batch pause`, `resume` and `cancel`
retry         `rerankq batch retry`
"""
