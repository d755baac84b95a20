"""`FakeRerankq`: clients, a ledger and a worker, for as long as a test needs them."""

import asyncio
from contextlib import AsyncExitStack, ExitStack
from functools import cached_property
from typing import Self

from rerankq.client import AsyncRerankClient, RerankClient
from rerankq.contract import RerankRequest
from rerankq.embedded import embedded_redis
from rerankq.settings import ClientSettings
from rerankq.testing.scores import Scores, shared_words
from rerankq.testing.worker import FakeWorker


class FakeRerankq:
    """A rerankq for one test: `with FakeRerankq(scores) as fake`, or `async with`; use it once.

    Args:
        scores: gives each document a score for a query; see `Scores`.
        redis_url: the Redis to use; None starts one.
        namespace: what its keys begin with there; `RERANKQ_NAMESPACE` when None. It ranks all jobs
            of the namespace by `scores`: choose one that nothing else uses.
        max_attempts: attempts after which a job that gets `Retryable` fails.

    Attributes:
        scores: may be replaced at any time.
        requests: the requests that `scores` was called with, in order, one for each attempt.
        redis_url: the address of the ledger, for clients of the code under test
            (`RERANKQ_REDIS_URL`).

    Raises:
        MissingExtra: there is no Redis that it could start.
    """

    def __init__(
        self,
        scores: Scores = shared_words,
        *,
        redis_url: str | None = None,
        namespace: str | None = None,
        max_attempts: int = 5,
    ) -> None:
        self.scores = scores
        self.requests: list[RerankRequest] = []
        self.redis_url = redis_url or ""
        self._namespace = namespace
        self._max_attempts = max_attempts
        self._parts = ExitStack()
        self._loop_parts = AsyncExitStack()

    @cached_property
    def client(self) -> RerankClient:
        """A blocking client, which ends with the fake."""
        return self._parts.enter_context(RerankClient(self.redis_url, namespace=self._namespace))

    @cached_property
    def async_client(self) -> AsyncRerankClient:
        """A client for coroutines, which ends with `async with`."""
        client = AsyncRerankClient(self.redis_url, namespace=self._namespace)
        self._loop_parts.push_async_callback(client.close)
        return client

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            if not self.redis_url:
                self.redis_url = starting.enter_context(embedded_redis()).url
            starting.enter_context(
                FakeWorker(
                    ClientSettings.load(redis_url=self.redis_url, namespace=self._namespace),
                    scores=lambda: self.scores,
                    asked=self.requests.append,
                    max_attempts=self._max_attempts,
                )
            )
            self._parts = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await self._loop_parts.aclose()
        await asyncio.to_thread(self._parts.close)
