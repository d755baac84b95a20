"""Refuses at once what would wait longer than its caller does."""

import math
import random
from typing import Final

from rerankq.client import AsyncRerankClient
from rerankq.contract import Forecast, Lane
from rerankq_gateway.errors import GatewayError

_JITTER: Final = 0.1
"""So much longer some are told to stay away, so that not all come back at once."""
_NOT_YET: Final = {"upstream": 429, "quota": 429}
"""Statuses by who throttles; 503 for the others."""


async def admit(client: AsyncRerankClient, lane: Lane, patience: float) -> None:
    """Let a call in whose job is expected to begin while its caller waits.

    Raises:
        GatewayError: 429 or 503, with when a repeat can succeed, and who throttles.
        LedgerUnavailable: Redis does not answer.
    """
    forecast = await client.forecast(lane)
    if forecast.wait_seconds > patience:
        raise refusal(forecast, patience)


def refusal(forecast: Forecast, patience: float) -> GatewayError:
    """What a caller is told who would wait in vain."""
    wait = forecast.wait_seconds
    seconds = max(1.0, math.ceil(wait - patience)) * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311  no secret
    said = f"{forecast.message}; " if forecast.message else ""
    return GatewayError(
        _NOT_YET.get(forecast.by, 503),
        "wait_too_long",
        f"{said}a call would wait about {math.ceil(wait):,} s, longer than its time limit of "
        f"{patience:g} s: try again later, or wait longer",
        retry_after=seconds,
        throttled_by=forecast.by if forecast.by in _NOT_YET else None,
    )
