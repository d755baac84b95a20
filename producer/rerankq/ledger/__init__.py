"""The life of a job: the ledger decides which state it has.

intake            submit
payload           a job as it is stored in Redis: JSON, compressed where that saves memory
records           status, result, cancel
record_fields     reads a job's record, also a damaged one
read_size         for how many jobs the results are read in one command
ends              the end of a job as it is stored: a ranking, or why there is none
outcomes          how an end is written in Celery's result backend
failures          how a failure is kept
usage             what calls have used, as workers tell it
usage_readings    the same by day and batch, as it is stored
leases            claim, renew, finish, postpone: the worker's side
checkpoints       what calls have brought for jobs that need several
sweep             one tick of the reconciler
deadlines         when a job expires
delays            lets jobs that wait after a failure be tried now
dead              failed jobs: list, replay, forget
waiting           what is known of jobs that wait
lane_readings     how the lanes stand: depth, age of the oldest, workers
presence          whether workers use this ledger
ownership         refuses a tenant what is another's

batches           opens and fills batches: jobs that belong together, in order
batch_controls    pauses, resumes and cancels them
batch_readings    their counts, status, lists and entries
batch_status      the status of one, from its record
batch_entries     the entries: jobs, and lines of input that are no jobs
batch_ends        tells listeners of batches that a script has ended
imports           batches that gateways fill from uploaded files
files             what is known of uploaded files

tenants           the users of one service, their quotas and weights
tokens            who may use the service over HTTP
sessions          who has signed in to the console with a token
webhooks          URLs that are told of ends
outbox            what webhooks and Celery tasks have yet to be told
callback_workers  which workers know of webhooks and callbacks

scripts           the scripts as typed functions
batch_scripts     the same for those of batches
lua/              the scripts
"""
