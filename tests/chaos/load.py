"""How hard a round is driven."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """The size of a row; every row has a short and a long one.

    Attributes:
        rounds: how often all of it is done anew.
        jobs: jobs a round.
        workers: worker processes.
        max_in_flight: upstream calls that each has under way at most.
        latency_ms: how long the upstream takes to answer.
        ahead: jobs that the producer is ahead of the upstream: the backlog.
        faults: how often the fault strikes in a round.
        seconds: how long the fault lasts, where the row leaves that open.
        patience: seconds after which a job without an end counts as stuck.
    """

    rounds: int = 1
    jobs: int = 400
    workers: int = 2
    max_in_flight: int = 20
    latency_ms: int = 200
    ahead: int = 300
    faults: int = 1
    seconds: float = 0.0
    patience: float = 120.0
