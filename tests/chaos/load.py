"""The size of a round."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """The size of a row; every row has a short and a long one.

    Attributes:
        rounds: how often the row is played.
        jobs: jobs a round.
        workers: worker processes.
        max_in_flight: how many calls each worker may have in flight.
        latency_ms: how long the upstream takes to answer.
        ahead: size of the backlog: accepted jobs that have not reached the upstream.
        faults: how often the fault happens in a round.
        seconds: how long the fault lasts, if the row does not set it.
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
