"""Asynchronous reranking: hand in a query and documents, get the ranking when it is there.

>>> from rerankq import RerankClient
>>> with RerankClient() as client:
...     job = client.submit(query="how to prevent a cold", documents=["Wash your hands.", "…"])
...     job.result(timeout=30).results[0].index
"""

from rerankq import errors
from rerankq.client import AsyncJobHandle, AsyncRerankClient, JobHandle, RerankClient

__all__ = ["AsyncJobHandle", "AsyncRerankClient", "JobHandle", "RerankClient", "errors"]
