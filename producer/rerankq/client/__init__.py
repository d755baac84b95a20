"""The way in for Python: `AsyncRerankClient`, and `RerankClient` as its blocking face."""

from rerankq.client.asynchronous import AsyncJobHandle, AsyncRerankClient
from rerankq.client.blocking import JobHandle, RerankClient

__all__ = ["AsyncJobHandle", "AsyncRerankClient", "JobHandle", "RerankClient"]
