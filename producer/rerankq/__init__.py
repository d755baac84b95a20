"""Asynchronous reranking: submit a query and documents, get the ranking when it is ready.

>>> from rerankq import RerankClient
>>> with RerankClient() as client:
...     job = client.submit(query="how to prevent a cold", documents=["Wash your hands.", "…"])
...     job.result(timeout=30).results[0].index

contract/            the messages between producers, workers and clients
errors               every error that a user can meet
settings             settings of the producer's side
variables            variables of the environment and of `.env`, and which of them are settings
secret_files         secrets that are in files
secret_source        gives them to the settings
events/              what happens, told to listeners
store/               the one seam to Redis
ledger/              the life of a job
accounts/            what all workers know together of an account upstream
broker/              Celery's messages
score_cache/         scores of pairs of query and document that are used again
history/             the history of ended jobs, and what operators did
client/              the Python clients
cost/                what jobs cost, in tokens
cli/                 the command line
doctor/              what `rerankq doctor` looks at
monitoring/          log, metrics and traces
testing/             for tests of code that uses rerankq
embedded             starts a Redis for as long as it is needed
invalid_input        what is wrong with a message or a setting, in plain words
counting             counts in sentences, such as "1 job" and "2 jobs"
durations            durations as people write them in settings
error_origin         where an unexpected error was raised, without its text
extras               how a part that is an extra of the package is installed
foreign_environment  variables that would change or stop Celery and Flower
open_files           how many files a process may open
working_folder       keeps Python from importing modules of the current folder
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
