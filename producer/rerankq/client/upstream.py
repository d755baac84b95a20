"""The accounts upstream for operators: how they stand, and letting them rest or be used again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rerankq.accounts.accounts import Accounts, Allotment
from rerankq.accounts.breakers import (
    BreakerState,
    SharedBreakers,
    Trip,
    TrippedBreaker,
    account_breaker,
)
from rerankq.errors import InvalidRequest
from rerankq.ledger.delays import Delays


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """The upstream at one moment.

    Attributes:
        accounts: all that a worker has used, by name.
        breakers: the open ones, by name.
        unused: the names of those that no worker uses any more.
    """

    accounts: Mapping[str, Allotment]
    breakers: Mapping[str, TrippedBreaker]
    unused: frozenset[str]

    def state_of(self, account: str) -> str:
        """`usable`, `unused`, `throttled`, `broken`, or the state of the account's open breaker."""
        breaker = self.breakers.get(account_breaker(account))
        if breaker:
            return breaker.state.value
        known = self.accounts[account]
        return (out_of_use(known) or "usable") if known.in_use else "unused"


class Upstream:
    """What operators see and do. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        accounts: the accounts.
        breakers: the open breakers.
        delays: jobs that wait after a failure.
    """

    def __init__(self, accounts: Accounts, breakers: SharedBreakers, delays: Delays) -> None:
        self._accounts = accounts
        self._breakers = breakers
        self._delays = delays

    async def status(self) -> UpstreamStatus:
        """How accounts and breakers stand."""
        breakers = await self._breakers.tripped()
        names = await self._accounts.names()
        accounts = {name: await self._accounts.look(name) for name in names}
        return UpstreamStatus(accounts, breakers, await self._breakers.unused(breakers))

    async def pause(self, names: Collection[str], *, reason: str = "by an operator") -> None:
        """Make no new calls with these accounts until they are resumed.

        Raises:
            InvalidRequest: there is no account of that name; none is paused then.
        """
        known = await self._accounts.names()
        for name in names:
            if name not in known:
                raise InvalidRequest("account", f"there is no account {name}")
        trip = Trip("paused", reason, probe_seconds=None, state=BreakerState.PAUSED)
        for name in names:
            await self._breakers.trip(account_breaker(name), trip)

    async def out_of_use(self) -> list[str]:
        """The names of all that can be resumed: open breakers, and accounts as breakers."""
        return sorted({*await self._breakers.tripped(), *await self._closed_accounts()})

    async def resume(self, names: Sequence[str]) -> list[str]:
        """Use accounts, keys and models again at once; returns those that were out of use.

        Args:
            names: as `out_of_use` gives them.
        """
        breakers, accounts = set(await self._breakers.tripped()), await self._closed_accounts()
        wanted = [each for each in names if each in breakers or each in accounts]
        if breakers.intersection(wanted):
            await self._breakers.reset(*wanted)
        for name in wanted:
            if name in accounts:
                await self._accounts.resume(accounts[name])
        if wanted:
            # Last: a job that is tried earlier would meet the open breaker, and be postponed again.
            await self._delays.end()
        return wanted

    async def _closed_accounts(self) -> dict[str, str]:
        """The accounts that are out of use, by the names of their breakers."""
        return {
            account_breaker(name): name
            for name in await self._accounts.names()
            if out_of_use(await self._accounts.look(name))
        }


def out_of_use(account: Allotment) -> str:
    """Why an account is out of use; empty when it is usable."""
    if account.mode != "open":
        return account.mode
    return "throttled" if account.wait_ms else ""
