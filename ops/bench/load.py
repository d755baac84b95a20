"""How much a scenario asks for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked for.

    Attributes:
        jobs: how many.
        label: what sets it apart from other loads of its scenario.
        latency_ms: of the upstream.
        in_flight: calls that a worker may have under way.
        shape: of a job; see `work.SHAPE`.
        processes: of the worker.
    """

    jobs: int
    label: str = ""
    latency_ms: float = 100
    in_flight: int = 200
    shape: str = "10x200"
    processes: int = 1
