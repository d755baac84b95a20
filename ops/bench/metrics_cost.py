"""What the metrics of a job cost a worker: its events, told with listeners and without.

PYTHONPATH=ops python -m bench.metrics_cost
"""

import time
from collections.abc import Callable
from typing import Final

from rerankq.contract import Lane
from rerankq.events import RANKED, CallFinished, CallRef, Events, JobRef, JobSucceeded, PermitWaited
from rerankq.monitoring.metrics.jobs import WorkerJobs
from rerankq.monitoring.metrics.registry import Metrics
from rerankq.monitoring.metrics.upstream import UpstreamCalls
from rerankq.monitoring.metrics.worker import watch_worker

JOBS: Final = 50_000
ROUNDS: Final = 5
_MICROSECONDS: Final = 1e6


def tell(events: Events) -> None:
    """Tell what a worker tells of a job that is ranked at once, as far as somebody listens."""
    job = JobRef("id", Lane.BULK, "a model")
    if PermitWaited in events.wanted:
        events.tell(PermitWaited(job=job, site="site", account="account", seconds=0.01))
    if CallFinished in events.wanted:
        call = CallRef("id", 1, "a model", "site", "account", "key")
        finished = CallFinished(
            call=call, seconds=0.2, outcome=RANKED, status=200, total_tokens=700
        )
        events.tell(finished)
    if JobSucceeded in events.wanted:
        events.tell(
            JobSucceeded(
                job=job,
                attempts=1,
                waited_seconds=1.5,
                call_seconds=0.2,
                prompt_tokens=700,
                total_tokens=700,
                estimated_tokens=650,
            )
        )


def measured(work: Callable[[], object]) -> float:
    """CPU of one call, in microseconds: the least of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(JOBS):
            work()
        rounds.append((time.process_time() - began) / JOBS * _MICROSECONDS)
    return min(rounds)


def main() -> None:
    """Print both figures, and what a scrape costs."""
    off, on, metrics = Events(), Events(), Metrics()
    WorkerJobs(metrics, on, Lane.BULK)
    UpstreamCalls(metrics, on)
    watch_worker(metrics, on, Lane.BULK, held=lambda: 0, most_calls=100)
    print(f"without metrics {measured(lambda: tell(off)):.2f} us a job")  # noqa: T201  a program
    print(f"with metrics    {measured(lambda: tell(on)):.2f} us a job")  # noqa: T201  a program
    began = time.process_time()
    text, _ = metrics.text()
    took = (time.process_time() - began) * 1000
    print(f"a scrape        {took:.1f} ms, {len(text):,} bytes")  # noqa: T201  a program


if __name__ == "__main__":
    main()
