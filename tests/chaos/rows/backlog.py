"""A backlog of a million: what waits in line with its hint is never announced again."""

from collections.abc import Iterator
from time import perf_counter
from unittest.mock import patch

from redis import Redis

from chaos.load import Load
from chaos.row import Arena, Report, Row
from rerankq.contract import MAX_HINT_JOBS, Lane
from rerankq.ledger import sweep
from running.ledger_desk import LedgerDesk, job
from running.redis_server import RedisServer
from running.waiting import eventually

SERVED = 2_000
"""Jobs that are claimed while it sweeps, in their order and a message's worth at a time."""
TICKS = 100
GRACES = 10
GRACE_SECONDS = 0.05
"""In place of 5 s: what is not announced again after many graces is not after longer ones."""
CHUNK = 10_000


def _backlog(arena: Arena) -> Report:
    with (
        RedisServer(arena.folder) as redis,
        LedgerDesk(redis.url, max_queue_depth=SERVED + 1, lease_seconds=600) as desk,
        patch.object(sweep, "LOST_HINT_SECONDS", GRACE_SECONDS),
    ):
        forgotten, served = "hint-lost", [f"served-{number}" for number in range(SERVED)]
        for portion in _portions([forgotten, *served]):
            desk.submit(*map(job, portion))
        _queue(desk.redis, arena.load.jobs - 1)
        report = _swept(desk, forgotten, _portions(served))
        depth = desk.redis.zcard("rerankq:bulk:queued")
    report.figures["in line"] = depth
    report.demand(depth == arena.load.jobs, f"all stay in line: {depth:,} do")
    return report


def _queue(redis: Redis, jobs: int) -> None:
    """Put jobs behind those in line, with a message for each portion of them.

    They have no records, which no script reads of a job that it leaves where it is.
    """
    first = int(redis.hincrby("rerankq:bulk", "sequence", jobs)) - jobs + 1
    for start in range(first, first + jobs, CHUNK):
        numbers = range(start, min(start + CHUNK, first + jobs))
        redis.zadd("rerankq:bulk:queued", {f"waiting-{number}": number for number in numbers})
        redis.lpush(Lane.BULK.queue, *["a hint"] * (len(numbers) // MAX_HINT_JOBS + 1))


def _swept(desk: LedgerDesk, forgotten: str, portions: Iterator[list[str]]) -> Report:
    announced: list[str] = []
    seconds: list[float] = []
    marks = set()

    def ticked_often() -> bool:
        desk.claim(*next(portions, ()))
        started = perf_counter()
        announced.extend(desk.sweep())
        seconds.append(perf_counter() - started)
        marks.add(desk.redis.hget("rerankq:bulk", "mark_at"))
        return len(seconds) >= TICKS and len(marks) > GRACES

    eventually(ticked_often, "the reconciler has ticked often enough", seconds=60)
    report = Report(figures={"ticks": len(seconds), "slowest tick ms": 1000 * max(seconds)})
    report.demand(
        announced == [forgotten],
        f"only the job without a hint is announced, once: {len(announced)} are, {announced[:5]}",
    )
    return report


def _portions(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + MAX_HINT_JOBS] for start in range(0, len(ids), MAX_HINT_JOBS))


BACKLOG = Row(
    name="backlog",
    fault="a lane with a million jobs in line, served in order, one of which has lost its hint",
    demand="of them all only the one without a hint is announced again",
    play=_backlog,
    short=Load(jobs=100_000),
    long=Load(jobs=1_000_000),
)
