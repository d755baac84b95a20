"""Batches: jobs that belong together, in order, with the lines of input that are no jobs.

asynchronous  `AsyncBatch`: opened, fed, sealed or abandoned, read, released
blocking      `Batch`: the same for code without an event loop
feed          adds to a batch in order, and reports that its feeder is alive
reader        gives results as jobs end, or in order, and finds out when there are no more
results       the result of an entry of a batch
open_entries  which entries have no result yet
parts         what the others need of the client
"""

from rerankq.client.batches.asynchronous import AsyncBatch
from rerankq.client.batches.blocking import Batch
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.client.batches.reader import BatchReader
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
]
