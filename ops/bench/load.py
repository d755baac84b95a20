"""The size of a scenario."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """The size of one measurement.

    Attributes:
        jobs: how many.
        label: its name among the loads of its scenario.
        latency_ms: of the upstream.
        in_flight: calls that a worker may have in flight.
        shape: of a job; see `work.SHAPE`.
        processes: of the worker.
    """

    jobs: int
    label: str = ""
    latency_ms: float = 100
    in_flight: int = 200
    shape: str = "10x200"
    processes: int = 1
