"""The worker half of rerankq: it takes hints from Celery and calls the upstream for their jobs.

commands/      `rerankq worker`, `rerankq compare`
settings        settings of a worker
site_settings   the settings about where jobs are sent
app             a Celery app that serves one lane
service         the composition root: makes all parts of a worker
opened_routes   connects to each site, for each key of each of its accounts
opened_reuse    the score reuse, with connections of its own
opened_shadows  sends copies of jobs to sites that are tried out

consumer/      the seam to Celery: messages come in, and are acknowledged
jobs/          claims jobs, keeps their leases, makes attempts, writes outcomes
reuse/         scores of pairs that were paid for before
limits/        which call may begin, by which account and key
upstream/      the upstream as jobs see it
provider/      the rerank endpoint over HTTP
process/       supervisor, watchdog, health, shutdown

comparison/    compares two models or sites on the same questions
telemetry/     what a worker writes to its log
task_events/   what Flower and other monitors of Celery see
doctor/        what is added to `rerankq doctor`
"""
