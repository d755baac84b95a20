"""A restart that only counts."""

from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.restart import Restart


class CountedRestart(Restart):
    """Keeps the reasons instead of restarting."""

    def __init__(self) -> None:
        async def nothing() -> None:
            """Drain and write nothing."""

        super().__init__(Heartbeats(), drain=nothing, write_out=nothing)
        self.reasons: list[str] = []

    async def in_order(self, reason: str) -> None:
        """Keep the reason."""
        self.reasons.append(reason)
