"""When each part of a worker last showed that it runs."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Heartbeats:
    """Monotonic times in seconds. Each is written by the thread that it describes, read by any.

    Attributes:
        loop_beat: when the asyncio loop last ran.
        hub_beat: when Celery's hub last ran; it stands still while Celery has no broker.
        delivery: when the last message came in.
        ledger_beat: when the ledger last answered.
        ledger_trouble: why the ledger accepts no writes, as a sentence; None while it does.
        upstream_trouble: why this worker alone gets no rankings; None while it does.
        stop_asked: whether a signal has asked the worker to shut down.
        draining: whether the worker drains and takes no more messages.
    """

    loop_beat: float = field(default_factory=time.monotonic)
    hub_beat: float = field(default_factory=time.monotonic)
    delivery: float = field(default_factory=time.monotonic)
    ledger_beat: float = field(default_factory=time.monotonic)
    ledger_trouble: str | None = None
    upstream_trouble: str | None = None
    stop_asked: bool = False
    draining: bool = False

    @property
    def ending(self) -> bool:
        """Whether this worker shuts down: other workers take new work."""
        return self.stop_asked or self.draining
