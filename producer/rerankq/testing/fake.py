"""`FakeRerankq`: clients, a ledger and a worker, for as long as a test needs them."""

import asyncio
from contextlib import AsyncExitStack, ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from rerankq.client import AsyncRerankClient, RerankClient
from rerankq.contract import RerankRequest
from rerankq.embedded import embedded_redis
from rerankq.settings import ClientSettings
from rerankq.testing.scores import Scores, shared_words
from rerankq.testing.worker import FakeWorker


class FakeRerankq:
    """A rerankq of a test's own: `with FakeRerankq(scores) as fake`, or `async with`; once each.

    Args:
        scores: from a query and its documents to a score for each; see `Scores`.
        redis_url: the Redis to use; one of its own is started when None.
        namespace: where its keys lie there; `RERANKQ_NAMESPACE` when None. The jobs of others in
            the same namespace are ranked by `scores` too: take one that nobody uses.
        max_attempts: attempts after which a job that meets `Retryable` fails.

    Attributes:
        scores: may be set anew at any time.
        requests: what was asked of `scores` so far, in order, one entry for each attempt.
        redis_url: where clients of the code under test find the ledger (`RERANKQ_REDIS_URL`).

    Raises:
        MissingExtra: a Redis is to be started, and there is none to start.
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._parts.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._loop_parts.aclose()
        await asyncio.to_thread(self._parts.close)
