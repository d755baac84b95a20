"""Batches: jobs that belong together, in order, with the lines of input that are no jobs.

opening       what the clients do with batches as a whole: opening and listing them
options       how a batch is opened
asynchronous  `AsyncBatch`, which is made of the next four
adding        fills a batch, and seals or abandons it
reading       gives its results, and releases them
controls      its status; pausing, resuming and cancelling it
failures      its failed jobs, and submitting them again
resubmission  how they are submitted again
blocking      `Batch`: the same for code without an event loop
feed          adds to a batch in order, and reports that its feeder is alive
reader        gives results as jobs end, or in order, and finds out when there are no more
entry_reader  what reads the results of entries, a few at a time
results       the result of an entry, decoded
export        the result of an entry as it is stored
open_entries  which entries have no result yet
one_batch     what all parts of a batch stand on
parts         what the others need of the client
"""

from rerankq.client.batches.asynchronous import AsyncBatch
from rerankq.client.batches.blocking import Batch
from rerankq.client.batches.export import Row
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.client.batches.reader import BatchReader
from rerankq.client.batches.resubmission import Resubmission
from rerankq.client.batches.results import BatchResult
from rerankq.ledger.batches import RejectedLine

__all__ = [
    "AsyncBatch",
    "Batch",
    "BatchFeed",
    "BatchLine",
    "BatchReader",
    "BatchResult",
    "RejectedLine",
    "Resubmission",
    "Row",
]
