"""The way in for Python: `AsyncRerankClient`, and `RerankClient` as its blocking face."""

from rerankq.client.asynchronous import AsyncRerankClient
from rerankq.client.blocking import RerankClient
from rerankq.client.handles import AsyncJobHandle, JobHandle

__all__ = ["AsyncJobHandle", "AsyncRerankClient", "JobHandle", "RerankClient"]
