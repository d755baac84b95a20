"""Events of a worker: shutdown, restart, isolation from the upstream, messages and their source."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDraining(Event):
    """A worker that shuts down or restarts claims no more jobs; its calls in flight may end.

    Attributes:
        calls: how many calls are in flight.
        seconds: how long they may take.
    """

    name: ClassVar[str] = "worker.draining"
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDrained(Event):
    """A worker has no jobs any more and will end: listeners send what they have gathered now.

    Attributes:
        seconds: how long the drain took.
        returned: calls that did not end in time: their jobs were given back.
        unwritten: jobs whose outcomes Redis did not take; their leases expire.
    """

    name: ClassVar[str] = "worker.drained"
    seconds: float
    returned: int
    unwritten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRestarting(Event):
    """A part of a worker hangs or has failed: a new process takes its place. Told once.

    Attributes:
        reason: which part, in words.
        may_finish: whether calls in flight may end first; not when the event loop is blocked.
    """

    name: ClassVar[str] = "worker.restarting"
    reason: str
    may_finish: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIsolated(Event):
    """This worker gets no rankings from an account while others do: it takes no jobs for it.

    Attributes:
        account: the account.
        cause: why its calls fail.
    """

    name: ClassVar[str] = "worker.isolated"
    account: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReconnected(Event):
    """This worker gets rankings again, after `WorkerIsolated`.

    Attributes:
        account: the account.
    """

    name: ClassVar[str] = "worker.reconnected"
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOutdated(Event):
    """Another worker is of a version that tells nobody of ends: no webhook and no callback.

    Told once for each, by every worker that sees it.

    Attributes:
        worker: its name.
    """

    name: ClassVar[str] = "worker.outdated"
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePutAside(Event):
    """A worker took a message from its queue that is no hint. `rerankq dead poison` shows it.

    Attributes:
        queue: the queue that it was in.
        fault: why it was refused.
        size: its length in bytes.
    """

    name: ClassVar[str] = "message.put_aside"
    queue: str
    fault: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLost(Event):
    """A worker has no connection by which messages come; told at each try to make a new one.

    Attributes:
        message: what happened, in words.
    """

    name: ClassVar[str] = "broker.lost"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRecovered(Event):
    """Messages can come again, after `BrokerLost`.

    Attributes:
        seconds: how long none could come.
    """

    name: ClassVar[str] = "broker.recovered"
    seconds: float
