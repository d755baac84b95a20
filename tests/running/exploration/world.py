"""A state: the ledger's data, and what workers and clients know."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from rerankq.ledger.leases import Lease
from running.exploration.ledger import Ledger
from running.small_redis.keyspace import Keyspace


class Broken(AssertionError):
    """A rule does not hold.

    Attributes:
        path: the moves that led there.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join((f"{self.args[0]}: not after", *self.path))


def demand(met: bool, rule: str) -> None:  # noqa: FBT001 - a condition
    """Raise Broken with the rule's name, unless the rule holds."""
    if not met:
        raise Broken(rule)


class Call(Protocol):
    """A call to the ledger that its caller sends again when no answer comes."""

    def make(self, ledger: Ledger, *, repeated: bool) -> "Heard":
        """Make the call; returns what its caller does with the answer.

        Raises:
            Broken: the answer is wrong.
        """


@dataclass(frozen=True, slots=True)
class World:
    """One state; a move makes a new one.

    Attributes:
        data: what Redis holds, Celery's queues of hints included.
        held: the leases that workers believe they hold, including stale ones.
        announced: jobs that hints have named: any worker may read a hint, late or twice.
        unanswered: calls that were carried out but whose answers were lost.
        lost: how many answers were lost so far.
        accepted: jobs whose submission was answered.
    """

    data: Keyspace = field(compare=False)
    held: frozenset[tuple[str, Lease]] = frozenset()
    announced: frozenset[str] = frozenset()
    unanswered: frozenset[Call] = frozenset()
    lost: int = 0
    accepted: frozenset[str] = frozenset()

    def changed(self, **fields: Any) -> "World":
        """The same state with other values of these fields."""
        return replace(self, **fields)

    def fingerprint(self) -> int:
        """Equal for states that have the same continuations."""
        return hash((self.data.fingerprint(), self))


Heard = Callable[[Ledger, World], World]
"""What a caller does with an answer."""
