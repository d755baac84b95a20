"""The Python clients: `AsyncRerankClient`, and `RerankClient`, its blocking form.

asynchronous       `AsyncRerankClient`, which is made of the next three and of `batches.opening`
submitting         submits jobs, and calls that wait for a ranking too
ending             waits for jobs to end
job_lists          lists jobs, and tells what happened to one
usage              tells what calls have used
usage_sums         sums it to the rows of a report
blocking           `RerankClient`: the same for code without an event loop
files              files, for code without an event loop
tenants            tenants and tokens, likewise
webhooks           webhooks, likewise
caller             what these need of the blocking client
operations         what is for operators
upstream           accounts and breakers, for operators
replaying          submits dead letters again, a few first
handles            a job that was accepted, and the client that asks about it
batches/           jobs that belong together
waiting/           why jobs wait, and for how long

drafts             makes jobs of what a caller submits
line_forms         the two forms of a line of input
prepared           jobs that are encoded before they are submitted
admissions         records jobs, then announces them, and explains each refusal
grouped            records jobs that come at the same moment in one call
stream             records a stream of jobs, portion by portion
refusals           why a job was not accepted
publishing         publishes hints in a thread of its own
calls              submits a job and waits for it, in one call
submission_events  tells listeners which jobs were recorded

arrivals           waits for the ends of jobs
inquiries          asks the ledger for all waits together
waits              one wait, and what is known of its jobs
patience           asks again while Redis does not answer

operators_only     refuses operators' parts to a tenant
portal             an event loop in a thread of its own
forks              makes clients safe to fork
uncopied           a client is not copied or pickled
traces             the spans in which jobs are submitted
"""

from rerankq.client.asynchronous import AsyncRerankClient
from rerankq.client.batches import AsyncBatch, Batch, BatchResult, RejectedLine
from rerankq.client.blocking import RerankClient
from rerankq.client.handles import AsyncJobHandle, JobHandle
from rerankq.ledger.ends import End

__all__ = [
    "AsyncBatch",
    "AsyncJobHandle",
    "AsyncRerankClient",
    "Batch",
    "BatchResult",
    "End",
    "JobHandle",
    "RejectedLine",
    "RerankClient",
]
