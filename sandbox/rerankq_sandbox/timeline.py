"""Plays a scenario: applies its phases as time passes."""

import time
from dataclasses import dataclass
from typing import Any

from rerankq_sandbox.actions import Action, OutageAction
from rerankq_sandbox.faults import Call
from rerankq_sandbox.latency import Distribution, Latency
from rerankq_sandbox.metering.accounts import MeteredAccounts
from rerankq_sandbox.metering.limiter import Limiter
from rerankq_sandbox.metering.limits import Limits
from rerankq_sandbox.rules import FaultRules
from rerankq_sandbox.scenario import Phase, Scenario


@dataclass(slots=True)
class _Run:
    """A running scenario, with the limits and latency from before it, to be restored at its end."""

    scenario: Scenario
    started: float
    limits: Limits
    latency: Distribution
    turn: int = 0
    begun: int = 0


class Timeline:
    """Plays one scenario at a time. It is also a fault source, by the rules of the phase.

    It has no clock of its own: callers call `advance` before they use what a scenario sets, so that
    no call meets a phase that is over.

    Attributes:
        outage: What every call gets now; None if there is no outage.
    """

    def __init__(self, limiter: Limiter, latency: Latency, accounts: MeteredAccounts) -> None:
        self.outage: OutageAction | None = None
        self._limiter = limiter
        self._latency = latency
        self._accounts = accounts
        self._rules = FaultRules()
        self._run: _Run | None = None

    def start(self, scenario: Scenario, now: float) -> None:
        """Begin a scenario; it replaces a running one."""
        self.stop()
        for account in scenario.accounts:
            self._accounts.assign(account.name, account.keys)
        found = self._limiter.limits, self._latency.distribution
        self._run = _Run(scenario, now, *found)
        self.advance(now)

    def stop(self) -> None:
        """End the scenario, and undo what it changed. Keys stay with their accounts."""
        if self._run is not None:
            self._put_back(self._run)
            self._run = None

    def advance(self, now: float) -> None:
        """Apply all phases that are due by now."""
        run = self._run
        if run is None:
            return
        length, elapsed = run.scenario.seconds, now - run.started
        if length is not None and elapsed >= length and not run.scenario.repeat:
            self.stop()
            return
        turn, at = (0, elapsed) if length is None else divmod(elapsed, length)
        if turn != run.turn:
            self._put_back(run)
            run.turn, run.begun = int(turn), 0
        for phase in run.scenario.phases[run.begun :]:
            if phase.at > at:
                break
            self._begin(phase)
            run.begun += 1

    def _begin(self, phase: Phase) -> None:
        self.outage = phase.outage
        if phase.limits is not None:
            self._limiter.replace(phase.limits)
        if phase.latency is not None:
            self._latency.distribution = phase.latency
        if phase.rules is not None:
            self._rules.clear()
            self._rules.add(phase.rules)

    def _put_back(self, run: _Run) -> None:
        self.outage = None
        self._limiter.replace(run.limits)
        self._latency.distribution = run.latency
        self._rules.clear()

    def pick(self, call: Call) -> Action | None:
        """The action of the phase's first rule that fires."""
        return self._rules.pick(call)

    def report(self) -> dict[str, Any]:
        """How far the scenario is: its turn, and its phase; phase 0 is before the first one."""
        now = time.monotonic()
        self.advance(now)
        run = self._run
        if run is None:
            return {"running": False}
        return {
            "running": True,
            "name": run.scenario.name,
            "seconds": round(now - run.started, 3),
            "turn": run.turn + 1,
            "phase": run.begun,
            "phases": len(run.scenario.phases),
        }
