"""Signs of life of a worker: who beat last, and when."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Heartbeats:
    """Monotonic times in seconds. Written by the thread each is about, read by any.

    Attributes:
        loop_beat: the asyncio loop turned.
        hub_beat: Celery's hub turned; it stands still while Celery has no broker.
        delivery: a message came in.
        ledger_beat: the ledger answered.
        ledger_trouble: why the ledger takes nothing, as a sentence; None while it does.
        upstream_trouble: why this worker alone reaches no upstream; None while it does.
        stop_asked: a signal has asked the worker to end.
        draining: the worker is about to end, and takes nothing more.
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
    def deadline(self) -> bool:
        """Whether new work is for others."""
        return self.stop_asked or self.draining
