"""Places of those who read streams."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sse_starlette import EventSourceResponse

from rerankq.contract import Principal
from rerankq.errors import LedgerUnavailable
from rerankq_gateway.asgi import request
from rerankq_gateway.asgi.request import Disconnected
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.places import Placed, Places
from running.asgi import Exchange


@pytest.mark.parametrize(
    ("refusal", "sent"),
    [
        (GatewayError(401, "invalid_api_key", "it is not known"), 1),
        (LedgerUnavailable("no answer"), 4),
        (None, 4),
    ],
)
def test_a_stream_ends_with_the_token_of_its_reader(
    refusal: Exception | None, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever would not be let in any more is sent nothing more, and the place is free."""
    monkeypatch.setattr(request, "AGAIN_SECONDS", 0.0)
    exchange, some = Exchange("GET"), Places(1, "too_many_streams", "are here")
    left = [None, refusal]

    async def admit() -> Principal:
        if found := left.pop(0) if left else refusal:
            raise found
        return Principal()

    exchange.request.admit_again = admit

    async def told() -> None:
        async def numbers() -> AsyncIterator[dict[str, str]]:
            for number in range(2):
                yield {"data": str(number)}

        async def never() -> dict[str, str]:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        answer = EventSourceResponse(numbers())
        await Placed(answer, some, exchange.request)(exchange.scope, never, exchange.send)

    if isinstance(refusal, GatewayError):
        with pytest.raises(Disconnected):
            asyncio.run(told())
    else:
        asyncio.run(told())
    assert len(exchange.sent) == sent
    some.check()
