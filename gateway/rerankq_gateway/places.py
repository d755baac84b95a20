"""So many of something at the same time, and no more."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fastapi.responses import Response

from rerankq_gateway.asgi.request import (
    AsgiScope,
    Disconnected,
    HotRequest,
    Message,
    Receive,
    Send,
)
from rerankq_gateway.errors import GatewayError

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 2.0


class Places:
    """The places of one process.

    Args:
        most: how many there are.
        code: of the error when all are taken, such as `too_many_uploads`.
        said: the error's message, with what to do.
    """

    def __init__(self, most: int, code: str, said: str) -> None:
        self._most = most
        self._taken = 0
        self._code = code
        self._said = said

    def check(self) -> None:
        """Refuse what has no place, before anything is done for it.

        Raises:
            GatewayError: 503, all are taken.
        """
        if self._taken >= self._most:
            raise GatewayError(
                503,
                self._code,
                f"{self._most:,} {self._said}",
                retry_after=_RETRY_SECONDS,
            )

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have a place, until the block ends.

        Raises:
            GatewayError: as `check` says.
        """
        self.check()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class Placed(Response):
    """An answer that has a place as long as it is sent, and ends when its caller's token does.

    Args:
        answer: what is sent.
        places: the places.
        request: that it answers.
    """

    def __init__(self, answer: Response, places: Places, request: HotRequest) -> None:
        super().__init__()
        self._answer = answer
        self._places = places
        self._request = request
        self._is_refused = False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send it; ASGI calls this.

        Raises:
            GatewayError: there is no place.
            Disconnected: the caller is let in no more: the answer is cut off.
        """

        async def checked(message: Message) -> None:
            await self._check()
            await send(message)

        with self._places.taken():
            try:
                await self._answer(scope, receive, checked)
            except Exception:
                # Answers send in tasks of their own, so the error may be in a group.
                if self._is_refused:
                    raise Disconnected from None
                raise

    async def _check(self) -> None:
        """Look now and then whether the caller would still be let in."""
        request = self._request
        try:
            await request.check_admission()
        except GatewayError as refusal:
            self._is_refused = True
            log.info("request %s: cut off: %s", request.request_id, refusal.problem.code)
            raise
