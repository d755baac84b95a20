"""Events of what operators do."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorActed(Event):
    """Somebody has done something to the service, by a command or at the gateway.

    Attributes:
        actor: `token ID` or `anonymous` at the gateway, `USER@HOST` for a command.
        by: `command` or `gateway`.
        tenant: whose token it was; None for the operator's.
        action: what, such as `batch.pause`.
        subject: the id or name that it was done to.
        outcome: `ok`, the code of the error, or `broken_off`.
    """

    name: ClassVar[str] = "operator.acted"
    actor: str
    by: str
    tenant: str | None
    action: str
    subject: str
    outcome: str
