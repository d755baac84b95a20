"""A backlog of a million: a queued job that has its hint is never announced again."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
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
"""Jobs that are claimed while the reconciler sweeps, in order, one message at a time."""
TICKS = 100
GRACES = 10
GRACE_SECONDS = 0.05
"""Instead of 5 s, to keep the test short."""
CHUNK = 10_000
DUE = 3_000
"""Jobs that become due together: more than the reconciler moves in a tick."""
APART = 4
"""A message of those jobs is served every so many ticks; one of new jobs at every tick."""
HOUR = 3600


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
    report.demand(depth == arena.load.jobs, f"all stay queued: {depth:,} do")
    return report


def _queue(redis: Redis, jobs: int) -> None:
    """Append jobs to the queue, with a message for each portion of them.

    They have no records, because no script reads the record of a job that it does not move.
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


def _due_together(arena: Arena) -> Report:
    """New jobs come after those that are due, but are claimed before them, from another queue."""
    fresh = [f"fresh-{number}" for number in range(SERVED)]
    with (
        RedisServer(arena.folder) as redis,
        LedgerDesk(redis.url, max_queue_depth=SERVED + DUE, lease_seconds=600) as desk,
        ExitStack() as graces,
    ):
        messages = _all_due(desk)
        # Only from here on: before that the queue is empty, although no hint is lost.
        for name in ("LOST_HINT_SECONDS", "LOST_AGAIN_SECONDS"):
            graces.enter_context(patch.object(sweep, name, GRACE_SECONDS))
        # The first job of a message, and a whole message: no worker gets these hints.
        lost = {messages[0].pop(0), *messages.pop(10)}
        _hint_again(desk.redis, messages)
        for portion in _portions(fresh):
            desk.submit(*map(job, portion))
        _queue(desk.redis, arena.load.jobs - SERVED)
        announced, seconds = _served_in_turn(desk, fresh, passed=len(messages) // 3)
        claimed = desk.redis.zcard("rerankq:bulk:running")
        depth = desk.redis.zcard("rerankq:bulk:queued")
    report = Report(figures={"in line": depth, "slowest tick ms": 1000 * max(seconds)})
    report.figures["announced again"] = announced.total()
    report.demand(
        announced == Counter(lost),
        f"of {DUE:,} due jobs only the {len(lost)} without hints are announced again, once: "
        f"{announced.total():,} announcements of {len(announced):,} jobs are made",
    )
    report.demand(depth + claimed == arena.load.jobs + DUE, f"all stay queued: {depth:,} do")
    return report


def _all_due(desk: LedgerDesk) -> list[list[str]]:
    """Let jobs become due at one moment; returns what the reconciler announces, by message."""
    names = [f"due-{number}" for number in range(DUE)]
    later = desk.now_ms() / 1000 + HOUR
    for portion in _portions(names):
        desk.submit(*(job(name, not_before=later) for name in portion))
    desk.redis.zadd("rerankq:bulk:scheduled", dict.fromkeys(names, desk.now_ms()))
    messages: list[list[str]] = []
    while portion := desk.sweep():
        messages += _portions(portion)
    assert sorted(chain.from_iterable(messages)) == sorted(names)
    return messages


def _served_in_turn(
    desk: LedgerDesk, fresh: Sequence[str], passed: int
) -> tuple[Counter[str], list[float]]:
    """Serve both queues, the second slowly, until the lost hints have been overdue many times.

    Returns what was announced, and how long each tick took.
    """
    announced: Counter[str] = Counter()
    seconds: list[float] = []
    marks = set()
    portions = _portions(fresh, MAX_HINT_JOBS // 5)

    def ticked_often() -> bool:
        desk.claim(*next(portions, ()))
        if len(seconds) % APART == 0:
            desk.claim(*_next_again(desk.redis))
        started = perf_counter()
        found = desk.sweep()
        seconds.append(perf_counter() - started)
        announced.update(found)
        _hint_again(desk.redis, _portions(found))
        if len(seconds) > passed * APART:
            marks.add(desk.redis.hget("rerankq:bulk", "mark_at"))
        return len(seconds) >= TICKS and len(marks) > GRACES

    eventually(ticked_often, "the reconciler has ticked often enough", seconds=60)
    return announced, seconds


def _hint_again(redis: Redis, messages: Iterable[Sequence[str]]) -> None:
    for message in messages:
        redis.lpush(Lane.BULK.redelivery_queue, json.dumps(message))


def _next_again(redis: Redis) -> list[str]:
    message = redis.rpop(Lane.BULK.redelivery_queue)
    return list(json.loads(message)) if isinstance(message, bytes) else []


def _portions(ids: Sequence[str], size: int = MAX_HINT_JOBS) -> Iterator[list[str]]:
    return (list(ids[start : start + size]) for start in range(0, len(ids), size))


BACKLOG = Row(
    name="backlog",
    fault="a lane has a million queued jobs, served in order; the hint of one is lost",
    demand="only the job without a hint is announced again",
    play=_backlog,
    short=Load(jobs=100_000),
    long=Load(jobs=1_000_000),
)
DUE_TOGETHER = Row(
    name="backlog-due",
    fault="thousands of jobs become due together; a million later jobs are served before them",
    demand="only the due jobs without hints are announced again, once each",
    play=_due_together,
    short=Load(jobs=100_000),
    long=Load(jobs=1_000_000),
)
