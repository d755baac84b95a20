"""Rules set while the server runs: which calls meet which fault, and how many of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rerankq_sandbox.actions import Action
from rerankq_sandbox.complaint import complaint
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.faults import Call

MAX_RULES = 1000


class Match(BaseModel):
    """Which calls a rule applies to: all given conditions must hold; without any, every call.

    Attributes:
        query_contains: A part of the query.
        model: The model's name.
        account: The account of the key that was sent.
        job_id: The job that the client named.
        attempt: The attempt that the client named.
        nth: Among the calls that meet the other conditions, the first to apply to, from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    query_contains: str | None = Field(default=None, min_length=1)
    model: str | None = None
    account: str | None = None
    job_id: str | None = None
    attempt: int | None = None
    nth: int | None = Field(default=None, ge=1)

    def holds(self, call: Call) -> bool:
        """Whether the conditions other than `nth` hold."""
        return (
            (self.query_contains is None or self.query_contains in call.question.query)
            and self.model in (None, call.question.model)
            and self.account in (None, call.account)
            and self.job_id in (None, call.job_id)
            and self.attempt in (None, call.attempt)
        )


class Rule(BaseModel):
    """A fault and the calls that meet it.

    Attributes:
        match: Which calls.
        times: How many calls get the fault. Null: one if `nth` is given, else all.
        action: The fault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    match: Match = Match()
    times: int | None = Field(default=None, ge=1)
    action: Action


_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])
_ACTION: TypeAdapter[Action] = TypeAdapter(Action)


def read_rules(body: bytes) -> list[Rule]:
    """Decode a list of rules.

    Raises:
        GatewayError: 400, naming the place and the reason, never the content.
    """
    try:
        return _RULES.validate_json(body)
    except ValidationError as error:
        raise GatewayError(400, complaint(error, "rules"), "invalid_request") from None


def read_directive(header: str) -> Action:
    """Decode the action that a client asks for in its own request.

    Raises:
        GatewayError: 400, naming the place and the reason, never the content.
    """
    try:
        return _ACTION.validate_json(header)
    except ValidationError as error:
        raise GatewayError(400, complaint(error, "directive"), "invalid_request") from None


@dataclass(slots=True)
class _Count:
    rule: Rule
    seen: int = 0
    fired: int = 0

    def fires(self, call: Call) -> bool:
        match, times = self.rule.match, self.rule.times
        if not match.holds(call):
            return False
        self.seen += 1
        most = times or (1 if match.nth else None)
        if self.seen < (match.nth or 1) or (most is not None and self.fired >= most):
            return False
        self.fired += 1
        return True


class FaultRules:
    """The rules set by `/_sandbox/faults`: the first one that fires decides."""

    def __init__(self) -> None:
        self._counts: list[_Count] = []

    def add(self, rules: Sequence[Rule]) -> int:
        """Append rules; they count calls from now on.

        Returns:
            How many rules there are now.

        Raises:
            GatewayError: 400, if there would be more than `MAX_RULES`.
        """
        if len(self._counts) + len(rules) > MAX_RULES:
            raise GatewayError(400, f"rules: at most {MAX_RULES} at a time", "invalid_request")
        self._counts.extend(_Count(rule) for rule in rules)
        return len(self._counts)

    def clear(self) -> None:
        """Forget every rule and its counts."""
        self._counts.clear()

    def report(self) -> list[dict[str, Any]]:
        """Each rule, with how many calls it matched and how many got its fault."""
        return [
            {
                "rule": orjson.Fragment(count.rule.model_dump_json()),
                "seen": count.seen,
                "fired": count.fired,
            }
            for count in self._counts
        ]

    def pick(self, call: Call) -> Action | None:
        """The action of the first rule that fires."""
        return next((count.rule.action for count in self._counts if count.fires(call)), None)
