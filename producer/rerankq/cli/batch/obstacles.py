"""What stands between jobs and the upstream, in sentences for whoever waits."""

from datetime import datetime
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import BreakerState
from rerankq.cli.terminal import printable
from rerankq.client import AsyncRerankClient

LONG_WAIT_MS: Final = 10_000
"""A shorter one is over before anyone has read of it."""
ADVICE = "jobs wait meanwhile; see `rerankq upstream status`"


async def obstacles(client: AsyncRerankClient) -> dict[str, str]:
    """A sentence for everything that is closed and that jobs wait for, by its name.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    closed = await client.operations.breakers.tripped()
    unused = await client.operations.breakers.unused(closed)
    sentences = {
        name: f"{name} is {breaker.state} ({breaker.reason}): {ADVICE}"
        for name, breaker in closed.items()
        if breaker.state is not BreakerState.DOUBTED and name not in unused
    }
    for name in await client.operations.accounts.names():
        account = await client.operations.accounts.look(name)
        if sentence := _said(name, account):
            sentences[name] = sentence
    return sentences


def _said(name: str, account: Allotment) -> str:
    """What an account keeps jobs waiting for; nothing where no worker uses it any more."""
    if account.cut_off:
        named = ", ".join(f"{each} ({why})" for each, why in account.cut_off.items())
        return f"the upstream {name} cannot be reached by {printable(named)}, and by others it can"
    cause = f" ({printable(account.cause)})" if account.cause else ""
    if not account.in_use:
        return ""
    if account.mode == "broken":
        return f"the upstream {name} is out{cause}, and probed until it is back: {ADVICE}"
    if account.wait_ms >= LONG_WAIT_MS:
        until = datetime.fromtimestamp((account.now + account.wait_ms) / 1000).astimezone()
        return f"the account {name} is throttled until {until:%H:%M:%S}{cause}: {ADVICE}"
    return ""
