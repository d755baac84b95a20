"""The history of ended jobs, and the trail of what operators did.

rows        what the history tells of a job, from its record
segments    many rows, compressed, with a filter by which a search skips them
packing     moves the ends that the ledger notes into segments; a duty of workers
search      finds rows, the newest first, page by page
audit       what operators did
wanted      which rows and records a filter wants
unfinished  finds jobs that run or wait
lists       lists of jobs in any state, from the two before
timeline    what happened to one job
scripts     the scripts as typed functions
lua/        the scripts

The ledger notes each end by its id, in the step that writes the end: no end is missing, and none
is noted twice. `docs/history.md` tells why, and what it costs.
"""
