"""A job in a worker: claimed, attempted, ended.

executor           claims the jobs of a hint, and starts them
attempts           one job: a permit, a call, then an outcome or another attempt later
sent_request       what is sent of a job: equal documents once
job_ranking        how a job gets its ranking: known scores, a shared call, one or several
rerank             the call itself: request in, ranking or error out
usage              what the calls of an attempt have used, for accounts
large_jobs         attempts at jobs that are too large for one call
calls_in_parts     asks for a large request by several calls, and merges the scores
part_calls         the call for one part: a permit, the call, a checkpoint
parts              divides documents into parts
part_scores        the scores of a part as they are kept in Redis
job_checkpoint     what the calls for one large job have brought
calling            which jobs have calls in flight
certain_leases     whether a lease is certain enough for a call
permit_event       the event that tells how long a call waited for its permit
reusing            an attempt at a job of which some scores are known
cheap_hours        lets bulk jobs wait for hours in which they cost less
retry              whether and when a failed attempt is repeated
in_flight          the jobs that this worker holds, with their leases
lease_keeper       renews the leases
completer          writes outcomes to the ledger, many at a time
job_update         the outcome of an attempt as it is written to the ledger
outcome_event      the event that tells the outcome of a job
last_write         writes outcomes on connections of its own, before the process is replaced
reconciler         announces jobs again that would otherwise be lost
long_documents     refuses, truncates or splits documents beyond a model's context
shared_calls       one call for several small jobs
passenger          a job that may share a call
shared_requests    what it asks, and each job's part of the answer
shadows            sends copies of jobs to sites that are tried out
history            moves ends into the history; what it is told of a call
callbacks          sends Celery tasks of users whose jobs or batches have ended
callback_versions  tells of workers that are too old for webhooks and callbacks
introduction       tells Redis this worker's version
"""
