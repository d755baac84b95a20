"""The life of a job: the ledger decides which state it has.

intake    submit
payload   a job as it is stored in Redis: JSON, compressed where that saves memory
records   status, result, cancel
ends      the end of a job as it is stored: a ranking, or why there is none
outcomes  how an end is written in Celery's result backend
failures  how a failure is kept
batches   jobs that belong together, in order; batch_controls pauses, resumes and cancels them
dead      failed jobs: list, replay, forget
leases    claim, renew, finish, postpone: the worker's side
presence  whether workers use this ledger
files     what is known of uploaded files
sweep     one tick of the reconciler
scripts   the scripts as typed functions
lua/      the scripts
"""
