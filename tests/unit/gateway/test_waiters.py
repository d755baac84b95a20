"""Requests that wait for jobs."""

import asyncio

import pytest

from rerankq.contract import Principal
from rerankq_gateway.asgi import request
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.shutdown import Shutdown
from rerankq_gateway.waiters import Waiters
from running.asgi import Exchange


def test_a_wait_is_in_vain_once_the_token_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait may take minutes: whoever would not be let in any more is told nothing of its job."""
    monkeypatch.setattr(request, "AGAIN_SECONDS", 0.0)
    exchange = Exchange("GET")

    async def admit() -> Principal:
        raise GatewayError(401, "invalid_api_key", "it is not known")

    async def ranking() -> str:
        return "a ranking"

    async def waited() -> str:
        return await Waiters(1, Shutdown(0.0)).wait(exchange.request, ranking())

    assert asyncio.run(waited()) == "a ranking"
    exchange.request.admit_again = admit
    with pytest.raises(GatewayError) as caught:
        asyncio.run(waited())
    assert caught.value.problem.status == 401
