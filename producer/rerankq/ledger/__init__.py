"""Every Redis command of a job's life: the ledger decides what is true.

store       the seam to Redis: connection, scripts, foreign errors mapped
outcomes    how an end is spelled in Celery's result backend
intake      submit
payload     a job as it lies in Redis: JSON, compressed where that pays
records     status, result, cancel
batches     jobs that belong together, in order
backlog     how much waits in a lane
dead        failed jobs: list, replay, forget
quarantine  messages that were no hints
leases      claim, renew, finish, postpone: the worker's side
clock       what Redis' clock shows
sweep       one tick of the reconciler
durability  whether Redis is set to keep what it is given
mailboxes   kombu's list of workers, emptied of those killed
lua/        the scripts; prelude.lua names the keys
"""
