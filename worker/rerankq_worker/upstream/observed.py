"""A provider that sends events about its calls."""

import time
from http import HTTPStatus

from rerankq.contract import RerankRequest
from rerankq.events import RANKED, CallFinished, CallRef, CallStarted, Events
from rerankq_worker.upstream.errors import UpstreamError
from rerankq_worker.upstream.port import Answer, Call, Provider


class ObservedProvider:
    """A provider for one account and key of a site; it sends events for each call.

    Args:
        provider: makes the calls.
        events: told of each call.
        site: the site's name.
        account: the account's name.
        key_id: fingerprint of the key.
    """

    def __init__(
        self, provider: Provider, events: Events, *, site: str, account: str, key_id: str
    ) -> None:
        self._provider = provider
        self._events = events
        self._site = site
        self._account = account
        self._key_id = key_id

    def check(self, request: RerankRequest, model: str) -> None:
        """See `upstream.Provider`."""
        self._provider.check(request, model)

    async def reach(self) -> None:
        """See `upstream.Provider`."""
        await self._provider.reach()

    async def rerank(self, call: Call) -> Answer:
        """See `upstream.Provider`."""
        if CallStarted in self._events.wanted:
            self._events.tell(CallStarted(call=self._ref(call)))
        began = time.monotonic()
        try:
            answer = await self._provider.rerank(call)
        except UpstreamError as error:
            if CallFinished in self._events.wanted:
                self._events.tell(self._failed(call, time.monotonic() - began, error))
            raise
        if CallFinished in self._events.wanted:
            self._events.tell(self._ranked(call, time.monotonic() - began, answer))
        return answer

    def _ref(self, call: Call) -> CallRef:
        return CallRef(
            call.job_id, call.attempt, call.model, self._site, self._account, self._key_id
        )

    def _ranked(self, call: Call, seconds: float, answer: Answer) -> CallFinished:
        return CallFinished(
            call=self._ref(call),
            seconds=seconds,
            outcome=RANKED,
            status=HTTPStatus.OK,
            prompt_tokens=answer.prompt_tokens,
            total_tokens=answer.total_tokens,
            request_id=answer.request_id,
        )

    def _failed(self, call: Call, seconds: float, error: UpstreamError) -> CallFinished:
        return CallFinished(
            call=self._ref(call),
            seconds=seconds,
            outcome=error.code,
            status=error.status,
            cause=error.cause,
            request_id=error.request_id,
        )
