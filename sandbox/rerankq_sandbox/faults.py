"""Decides when a fault happens: sources that are asked in turn about each call.

A source is anything with `pick`: the rules, a scenario's timeline, chance. `server.py` sets which
sources are asked, and in which order.
"""

import random
from dataclasses import dataclass
from typing import Protocol

from rerankq_sandbox.actions import Action, DropAction, StatusAction
from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.contract import Question


@dataclass(frozen=True, slots=True)
class Call:
    """What a source may know of a call.

    Attributes:
        n: The call's number since the start of the server, from 1.
        question: The decoded body.
        account: Account of its key.
        job_id: Job that the client named, if it did.
        attempt: Attempt that the client named, if it did.
    """

    n: int
    question: Question
    account: str
    job_id: str | None
    attempt: int | None


class FaultSource(Protocol):
    """Decides whether a call meets a fault."""

    def pick(self, call: Call) -> Action | None:
        """The fault for this call, or None. Called once for each call, in the order of arrival."""


class RandomFaults:
    """Faults at the rates of the configuration, the same series for the same seed."""

    def __init__(self, config: SandboxConfig) -> None:
        self._fail = config.fail_rate
        self._drop = config.fail_rate + config.drop_rate
        self._status = StatusAction(kind="status", status=config.fail_status)
        self._random = random.Random(f"faults {config.seed}")  # noqa: S311 - repeatable, not secret

    def pick(self, call: Call) -> Action | None:  # noqa: ARG002 - chance looks at nothing
        """A status, a drop or nothing, by one random draw for each call."""
        drawn = self._random.random()
        if drawn < self._fail:
            return self._status
        return DropAction(kind="drop") if drawn < self._drop else None
