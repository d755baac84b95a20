"""Asynchronous reranking: submit a query and documents, get the ranking when it is ready.

>>> from rerankq import RerankClient
>>> with RerankClient() as client:
...     job = client.submit(query="how to prevent a cold", documents=["Wash your hands.", "…"])
...     job.result(timeout=30).results[0].index
"""

import importlib
from typing import TYPE_CHECKING

from rerankq import errors

if TYPE_CHECKING:
    from rerankq.client import (
        AsyncBatch,
        AsyncJobHandle,
        AsyncRerankClient,
        Batch,
        BatchResult,
        JobHandle,
        RerankClient,
    )

__all__ = [
    "AsyncBatch",
    "AsyncJobHandle",
    "AsyncRerankClient",
    "Batch",
    "BatchResult",
    "JobHandle",
    "RerankClient",
    "errors",
]


def __getattr__(name: str) -> object:
    # On first use: Celery and redis take half a second to import, and `rerankq --help`,
    # the contract and the errors need neither.
    if name in __all__:
        return getattr(importlib.import_module("rerankq.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
