"""The Python clients: `AsyncRerankClient`, and `RerankClient`, its blocking form."""

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
