"""The entries: rerankq, the bare loop, and those peers whose virtualenv exists."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from redis import Redis

from rerankq.contract import Lane


class Kind(StrEnum):
    """What an entry stands for in a comparison."""

    OURS = "ours"
    BARE = "bare"
    TRANSPORT = "transport"
    PEER = "peer"
    BATCHED = "batched"


LOOPS: Final = frozenset({Kind.BARE, Kind.TRANSPORT})


@dataclass(frozen=True)
class Entry:
    """What is measured: rerankq, the bare loop, or a peer.

    Attributes:
        name: in the tables.
        module: its command line; see `bench.entry`.
        stored: given Redis and a number of jobs, whether that many results are stored.
        venv: its folder in the peers' folder; empty for this environment.
        environment: more variables for its processes.
        only: its scenarios; empty for all of its kind.
        most_in_flight: loads with more calls in flight are skipped. A tool that needs a thread for
            each call would need a thousand threads, which disturb all figures.
    """

    name: str
    module: str
    kind: Kind
    stored: Callable[[Any, int], bool]
    venv: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    most_in_flight: int = 10_000

    @property
    def is_loop(self) -> bool:
        """Whether it only makes the calls, without a queue."""
        return self.kind in LOOPS

    def python(self, peers: Path | None) -> Path:
        """The interpreter of its processes."""
        if not self.venv:
            return Path(sys.executable)
        return (peers or Path()) / self.venv / "bin" / "python"


def _all_keys(redis: "Redis", jobs: int) -> bool:
    return int(redis.dbsize()) >= jobs


def _ours(redis: "Redis", _jobs: int) -> bool:
    lane = f"rerankq:{Lane.BULK}"
    return not any(redis.zcard(f"{lane}:{state}") for state in ("queued", "scheduled", "running"))


def _arq(redis: "Redis", jobs: int) -> bool:
    return not redis.zcard("arq:queue") and _all_keys(redis, jobs)


def _streaq(redis: "Redis", jobs: int) -> bool:
    return int(redis.zcard("streaq:default:index:results")) >= jobs


def _batched_keys(redis: "Redis", jobs: int) -> bool:
    return _all_keys(redis, -(-jobs // BATCH))


OURS: Final = "rerankq"
THREADS: Final = 500
BATCH: Final = 50
"""How many jobs an entry that batches by hand puts in a message."""
ENTRIES: Final = (
    Entry(OURS, "bench.ours", Kind.OURS, _ours),
    Entry(
        "rerankq, blocking client",
        "bench.ours_blocking",
        Kind.OURS,
        _ours,
        only=frozenset({"enqueue"}),
    ),
    Entry(
        "rerankq, told of 200 calls at once",
        "bench.ours",
        Kind.OURS,
        _ours,
        environment={"RERANKQ_CONCURRENCY": "200"},
        only=frozenset({"drain"}),
    ),
    Entry(
        "rerankq, nothing listens to its events",
        "bench.ours",
        Kind.OURS,
        _ours,
        environment={
            "RERANKQ_TASK_EVENTS": "off",
            "RERANKQ_HISTORY_TTL": "0",
            "RERANKQ_HEALTH_PORT": "19464",
        },
        only=frozenset({"drain"}),
    ),
    Entry(
        "rerankq, scores reused",
        "bench.ours",
        Kind.OURS,
        _ours,
        environment={"RERANKQ_REUSE": "24h"},
        only=frozenset({"drain"}),
    ),
    Entry(
        "rerankq, with metrics",
        "bench.ours",
        Kind.OURS,
        _ours,
        environment={"RERANKQ_METRICS": "1", "RERANKQ_HEALTH_PORT": "19464"},
        only=frozenset({"drain"}),
    ),
    Entry("bare loop, httpx over httpx-aiohttp", "bench.bare", Kind.BARE, lambda *_: True),
    Entry(
        "bare loop, httpx over rerankq's transport",
        "bench.bare",
        Kind.TRANSPORT,
        lambda *_: True,
        environment={"BENCH_OWN_TRANSPORT": "1"},
    ),
    Entry(
        "dramatiq, asyncio",
        "bench.peers.dramatiq_one",
        Kind.PEER,
        _all_keys,
        "dramatiq",
        most_in_flight=THREADS,
    ),
    Entry("taskiq, stream", "bench.peers.taskiq_stream", Kind.PEER, _all_keys, "taskiq"),
    Entry("arq", "bench.peers.arq_one", Kind.PEER, _arq, "arq"),
    Entry("streaq", "bench.peers.streaq_one", Kind.PEER, _streaq, "streaq"),
    Entry(
        "celery, threads",
        "bench.peers.celery_threads",
        Kind.PEER,
        _all_keys,
        "celery",
        most_in_flight=THREADS,
    ),
    Entry(
        "celery, 50 a message",
        "bench.peers.celery_batched",
        Kind.BATCHED,
        _all_keys,
        "celery",
    ),
    Entry(
        "dramatiq, 50 a message",
        "bench.peers.dramatiq_batched",
        Kind.BATCHED,
        _batched_keys,
        "dramatiq",
    ),
)


def present(peers: Path | None, only: str = "") -> list[Entry]:
    """The entries that can take part, and whose names match.

    Args:
        peers: a folder with a virtualenv for each tool; no peers when None.
        only: names must contain one of these texts, separated by commas; all when empty.
    """
    return [
        entry
        for entry in ENTRIES
        if entry.python(peers).exists()
        and (not only or any(text in entry.name for text in only.split(",")))
    ]
