"""All accounts, each with its limits."""

import time
from typing import Any

from rerankq_sandbox.metering.account import Account
from rerankq_sandbox.metering.limits import DEFAULT, UNLIMITED, AccountLimits, Limits


class Limiter:
    """Finds the account of a call; its limits can be changed at any time, at once."""

    def __init__(self) -> None:
        self._limits: Limits = {}
        self._accounts: dict[str, Account] = {}

    @property
    def limits(self) -> Limits:
        """The limits in force, by account."""
        return dict(self._limits)

    def replace(self, limits: Limits) -> None:
        """Replace all limits by these."""
        self._limits = dict(limits)
        now = time.monotonic()
        for name, account in self._accounts.items():
            account.change(self._of(name), now)

    def account(self, name: str) -> Account:
        """The account with this name."""
        found = self._accounts.get(name)
        if found is None:
            found = self._accounts[name] = Account(self._of(name))
        return found

    def _of(self, name: str) -> AccountLimits:
        return self._limits.get(name) or self._limits.get(DEFAULT, UNLIMITED)

    def report(self) -> dict[str, dict[str, Any]]:
        """Counts by account."""
        now = time.monotonic()
        return {name: account.report(now) for name, account in sorted(self._accounts.items())}

    def forget(self) -> None:
        """Reset the counts; limits stay, and what was used stays used."""
        for account in self._accounts.values():
            account.forget()
