"""Why jobs wait for the upstream, in sentences for the user."""

from datetime import datetime
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import BreakerState
from rerankq.cli.terminal import printable
from rerankq.client import AsyncRerankClient

LONG_WAIT_MS: Final = 10_000
"""A shorter pause is not reported: it would be over before the user has read about it."""
ADVICE = "jobs wait meanwhile; see `rerankq upstream status`"


async def obstacles(client: AsyncRerankClient) -> dict[str, str]:
    """A sentence for each account, key and model that is out of use and that jobs wait for.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    tripped = await client.operations.breakers.tripped()
    unused = await client.operations.breakers.unused(tripped)
    sentences = {
        name: f"{name} is {breaker.state} ({breaker.reason}): {ADVICE}"
        for name, breaker in tripped.items()
        if breaker.state is not BreakerState.DOUBTED and name not in unused
    }
    for name in await client.operations.accounts.names():
        account = await client.operations.accounts.look(name)
        if sentence := _said(name, account):
            sentences[name] = sentence
    return sentences


def _said(name: str, account: Allotment) -> str:
    """Why jobs wait for an account; empty when they do not, or no worker uses it any more."""
    if account.cut_off:
        named = ", ".join(f"{each} ({why})" for each, why in account.cut_off.items())
        return f"only these workers cannot reach the upstream {name}: {printable(named)}"
    cause = f" ({printable(account.cause)})" if account.cause else ""
    if not account.in_use:
        return ""
    if account.mode == "broken":
        return f"the upstream {name} fails{cause}, and is probed until it works: {ADVICE}"
    if account.wait_ms >= LONG_WAIT_MS:
        until = datetime.fromtimestamp((account.now + account.wait_ms) / 1000).astimezone()
        return f"the account {name} is throttled until {until:%H:%M:%S}{cause}: {ADVICE}"
    return ""
