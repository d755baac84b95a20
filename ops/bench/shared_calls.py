"""Jobs of one document each, of one query, on an account that is limited by requests a minute.

PYTHONPATH=ops python -m bench.shared_calls --rpm 10 --jobs 1000

With `--pairs` each job has a query of its own, and the site is vLLM's `/score`.

It has its own Redis, stand-in and worker. The same jobs are run without and with shared calls,
timed from the submission to the last end; without them only as many as take about two minutes.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.stand import PATIENCE_SECONDS, Stand, stand
from rerankq import RerankClient
from rerankq.embedded import embedded_redis

SECONDS_A_MINUTE: Final = 60.0
MINUTES_ALONE: Final = 2
PAIRS: Final = {"path": "/score", "dialect": "vllm-score"}


class Measured(NamedTuple):
    """What one run showed.

    Attributes:
        a_minute: jobs that ended in a minute.
        calls: how many there were.
        scores: by document.
    """

    a_minute: float
    calls: int
    scores: dict[str, float]


def _run(place: Stand, jobs: int, rpm: int, *, shared: bool, pairs: bool) -> Measured:
    before, namespace = len(place.log()), f"shared-{shared}"
    drafts = [
        {"query": f"pens of {number}" if pairs else "a pen", "documents": [f"pen {number}"]}
        for number in range(jobs)
    ]
    settings = {"rpm": str(rpm), "shared_calls": str(shared), "namespace": namespace}
    scores: dict[str, float] = {}
    with (
        place.worker(**(settings | (PAIRS if pairs else {}))),
        RerankClient(place.redis_url, namespace=namespace) as client,
    ):
        began = time.monotonic()
        for job in client.as_completed(list(client.submit_many(drafts)), PATIENCE_SECONDS):
            (row,) = job.result().results
            assert row.document  # noqa: S101  results have documents unless a job wants none
            scores[row.document.text] = row.relevance_score
        seconds = time.monotonic() - began
    return Measured(jobs / seconds * SECONDS_A_MINUTE, len(place.log()) - before, scores)


def _measure(asked: argparse.Namespace) -> bool:
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-bench-")))
        server = opened.enter_context(embedded_redis(folder))
        place = opened.enter_context(stand(server.url, folder, latency_ms=asked.latency_ms))
        alone = _run(place, MINUTES_ALONE * asked.rpm, asked.rpm, shared=False, pairs=asked.pairs)
        shared = _run(place, asked.jobs, asked.rpm, shared=True, pairs=asked.pairs)
    same = all(shared.scores[text] == score for text, score in alone.scores.items())
    times = shared.a_minute / alone.a_minute
    sys.stdout.write(
        f"{asked.rpm} requests a minute, jobs of one document and "
        f"{'a query of their own' if asked.pairs else 'one query'}\n"
        f"alone:  {alone.a_minute:,.1f} jobs a minute, {alone.calls} calls\n"
        f"shared: {shared.a_minute:,.1f} jobs a minute, {shared.calls} calls: {times:.0f} times; "
        f"the scores are {'equal' if same else 'DIFFERENT'}\n"
    )
    return same and times >= asked.least


def main() -> None:
    """Run what the command line asks for; the exit code is 1 when it is not exact, or too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rpm", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    parser.add_argument("--pairs", action="store_true", help="each job has its own query")
    parser.add_argument("--least", type=float, default=20.0, help="times the jobs a minute")
    sys.exit(0 if _measure(parser.parse_args()) else 1)


if __name__ == "__main__":
    main()
