"""What the accounts upstream allow, as workers have found: known only if Redis is at hand."""

import asyncio
from collections.abc import Iterable
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.client import AsyncRerankClient
from rerankq.cost.duration import MINUTE, Pace
from rerankq.errors import RerankqError
from rerankq.settings import ClientSettings

WAIT_SECONDS: Final = 2.0
"""How long Redis is waited for: a plan needs none."""


def found_pace(settings: ClientSettings) -> Pace | None:
    """What all usable accounts allow together; None without Redis, or before the first call."""
    try:
        return asyncio.run(_asked(settings))
    except (RerankqError, TimeoutError):
        return None


async def _asked(settings: ClientSettings) -> Pace | None:
    async with (
        asyncio.timeout(WAIT_SECONDS),
        AsyncRerankClient(settings=settings.of_operator()) as client,
    ):
        status = await client.operations.upstream.status()
    return pace_of(status.accounts.values())


def pace_of(accounts: Iterable[Allotment]) -> Pace | None:
    """What accounts allow together; a limit that one of them does not know is unknown."""
    open_ones = [each for each in accounts if each.mode == "open"]
    if not open_ones:
        return None
    return Pace(
        rpm=_sum(_rpm(each) for each in open_ones),
        tpm=_sum(each.limits.tpm for each in open_ones),
        concurrency=_sum(each.limits.concurrency for each in open_ones),
        seconds_per_call=max(each.took_ms for each in open_ones) / 1000 or None,
    )


def _rpm(account: Allotment) -> float | None:
    if account.limits.rpm:
        return account.limits.rpm
    return account.rate * MINUTE if account.limited else None


def _sum(limits: Iterable[float | None]) -> float | None:
    known = list(limits)
    return None if None in known else sum(each for each in known if each is not None)
