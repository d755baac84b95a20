"""The history: one row for each end, found by what the job was, page by page."""

from collections.abc import Callable
from typing import Any

import pytest

from rerankq.contract import BatchOptions, JobFilter, JobState, JobSummary, Lane
from rerankq.history import packing
from rerankq.history.packing import Packing
from rerankq.history.search import History
from rerankq.ledger.failures import Failure
from rerankq.ledger.leases import Finish, Postponement
from rerankq.ledger.outcomes import success
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job, ranking

DAY = 86_400.0
SILENT = 600.0
MOST_BYTES = 1_000_000
CALL = "120 345 200 req-1"


class Archive:
    """The history of a desk, with blocking calls."""

    def __init__(self, desk: LedgerDesk) -> None:
        self.desk = desk
        self.history = History(desk.store)

    def pack(self, *, ttl: float = DAY, most_bytes: int = MOST_BYTES) -> int:
        """One tick of the packing, also soon after another one."""
        self.desk.redis.delete(KEYS.history_packing)
        tick = Packing(self.desk.store, ttl_seconds=ttl, most_bytes=most_bytes).tick
        return self.desk.run(tick())

    def page(
        self, before: int | None = None, limit: int = 100, **wanted: Any
    ) -> tuple[list[JobSummary], int | None]:
        """A page."""
        wanted_jobs = JobFilter.model_validate(wanted)
        return self.desk.run(self.history.page(wanted_jobs, before=before, limit=limit))

    def found(self, limit: int = 100, **wanted: Any) -> list[str]:
        """The ids of all jobs that are wanted, over all pages."""
        ids, before = [], None
        while True:
            jobs, before = self.page(before, limit, **wanted)
            ids += [each.id for each in jobs]
            if before is None:
                return ids

    def segments(self) -> int:
        """How many there are."""
        count: Any = self.desk.redis.zcard(KEYS.history_segments)
        return int(count)

    def end(self, *ids: str, **fields: Any) -> None:
        """Submit jobs, and cancel them."""
        for each in ids:
            self.desk.submit(job(each, **fields))
            self.desk.cancel(each)


@pytest.fixture
def archive(desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An empty history whose segments have ten rows."""
    monkeypatch.setattr(packing, "ROWS", 10)
    return Archive(desk)


def _crash(desk: LedgerDesk) -> None:
    desk.submit(job("crashed"))
    for worker in ("first", "second", "third"):
        desk.claim("crashed", lease_seconds=0.02, worker=worker)
        desk.let_run_out("crashed")
        desk.end_lease_grace()
        desk.sweep()
        desk.silence(worker, SILENT)
        # A suspect rests; that ends now.
        desk.redis.zadd("rerankq:bulk:scheduled", {"crashed": 1}, xx=True)
        desk.sweep()


def _expire(desk: LedgerDesk) -> None:
    desk.submit(job("expired", deadline_seconds=0.001))
    desk.sweep()


def _cancel_batch(desk: LedgerDesk) -> None:
    desk.run(desk.batches.open(batch_id="batch"))
    desk.submit(job("in-batch", batch_id="batch"))
    desk.run(desk.batches.cancel("batch"))
    desk.run(desk.batches.cancel_portion("batch"))


def _cancel_running(desk: LedgerDesk) -> None:
    desk.run(desk.batches.open(batch_id="batch"))
    lease = desk.claimed("running", batch_id="batch")
    desk.run(desk.batches.cancel("batch"))
    desk.succeed(lease)


ENDS: dict[str, tuple[Callable[[LedgerDesk], object], JobState, str | None]] = {
    "succeeded": (lambda d: d.succeed(d.claimed("succeeded")), JobState.SUCCEEDED, None),
    "failed": (lambda d: d.fail(d.claimed("failed")), JobState.FAILED, "upstream_refused"),
    "crashed": (_crash, JobState.FAILED, "crash_loop"),
    "cancelled": (
        lambda d: (d.submit(job("cancelled")), d.cancel("cancelled")),
        JobState.CANCELLED,
        None,
    ),
    "expired": (_expire, JobState.EXPIRED, None),
    "in-batch": (_cancel_batch, JobState.CANCELLED, None),
    "running": (_cancel_running, JobState.CANCELLED, None),
}


@pytest.mark.parametrize("name", ENDS)
def test_each_end_is_one_row(archive: Archive, name: str) -> None:
    """However a job ends, the history has it once: before, while and after it is packed."""
    end, state, reason = ENDS[name]
    end(archive.desk)
    seen = [archive.page()[0]]
    archive.pack()
    seen.append(archive.page()[0])
    archive.end(*(f"later-{at}" for at in range(10)))
    archive.pack()
    assert archive.segments() == 1
    seen.append([each for each in archive.page()[0] if not each.id.startswith("later")])
    assert [len(each) for each in seen] == [1, 1, 1]
    (found,) = seen[0]
    assert seen[1] == seen[2] == seen[0]
    assert (found.id, found.state, found.reason) == (name, state, reason)
    assert found.finished_at is not None
    assert found.finished_at == archive.desk.record(name)["finished"] / 1000


def test_a_row_tells_what_the_job_was(archive: Archive) -> None:
    """A row has the names, the times and the last call of its job, and no more of its request."""
    names: dict[str, Any] = {
        "custom_id": 'a "b" ü/\\',
        "tenant": "t",
        "metadata": {"k": "v/1"},
        "lane": "bulk",
    }
    lease = archive.desk.claimed("a", **names)
    tried = Failure("upstream_unavailable", "it said 503", 503, request_id="req-0")
    leases = archive.desk.leases()
    archive.desk.run(leases.postpone([Postponement(lease, 1, 0.0, tried)]))
    archive.desk.sweep()
    (lease,) = archive.desk.claim("a")
    outcome = success(ranking("a").encode())
    archive.desk.run(leases.finish([Finish(lease, 2, JobState.SUCCEEDED, outcome, call=CALL)]))
    for _ in range(2):
        ((found,), _) = archive.page()
        told = found.model_dump(exclude={"submitted_at", "started_at", "finished_at"})
        assert {key: each for key, each in told.items() if each} == {
            "id": "a",
            "state": "succeeded",
            "attempts": 2,
            **names,
            "model": found.model,
            "call": {"seconds": 0.12, "tokens": 345, "status": 200, "request_id": "req-1"},
        }
        archive.pack()
    redis: Any = archive.desk.redis
    (line,) = redis.lrange(KEYS.history_open, 0, -1)
    assert b"a query" not in line
    assert b"first" not in line


FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({"states": ["failed"]}, ["bad"]),
    ({"states": ["failed", "succeeded"]}, ["bad", "good"]),
    ({"reasons": ["upstream_refused"]}, ["bad"]),
    ({"batch_id": "b"}, ["noted", "own"]),
    ({"tenant": "t"}, ["tenants"]),
    ({"custom_id": 'x "ü/'}, ["own"]),
    ({"lane": Lane.INTERACTIVE}, ["tenants"]),
    ({"model": "another/model"}, ["good"]),
    ({"model": "Qwen/none"}, []),
    ({"metadata": {"team": "batch"}}, ["noted"]),
    ({"metadata": {"team": "own"}}, ["own"]),
    ({"metadata": {"team": "own", "day": "1"}}, []),
    ({"job_id": "good"}, ["good"]),
    ({"since": 4e9}, []),
    ({"until": 1.0}, []),
]


def test_jobs_are_found_by_what_they_were(archive: Archive) -> None:
    """Each field of a filter finds its jobs, in ends, open rows and segments alike."""
    desk = archive.desk
    desk.run(desk.batches.open(BatchOptions(metadata={"team": "batch"}), batch_id="b"))
    request = job("x").request.model_copy(update={"model": "another/model"})
    desk.succeed(desk.claimed("good", request=request))
    desk.fail(desk.claimed("bad"))
    archive.end("tenants", tenant="t", lane=Lane.INTERACTIVE)
    archive.end("own", batch_id="b", metadata={"team": "own"}, custom_id='x "ü/')
    archive.end("noted", batch_id="b")
    for phase in ("ends", "open rows", "segments"):
        for wanted, ids in FOUND:
            assert archive.found(**wanted) == ids, (phase, wanted)
        if phase == "open rows":
            archive.end(*(f"later-{at}" for at in range(10)), metadata={"x": "y"})
        archive.pack()
    assert archive.segments() == 1


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_show_each_job_once_while_jobs_end(archive: Archive, limit: int) -> None:
    """A walk through pages shows what had ended when it began, each job once, newest first."""
    archive.end(*(f"old-{at}" for at in range(37)))
    archive.pack()
    archive.end(*(f"old-{at}" for at in range(37, 41)))
    seen, before, number = [], None, 0
    while True:
        jobs, before = archive.page(before, limit)
        seen += [each.id for each in jobs]
        if before is None:
            break
        archive.end(f"new-{number}")
        if number % 2:
            archive.pack()
        number += 1
    assert seen == [f"old-{at}" for at in reversed(range(41))]


def test_two_workers_pack_each_end_once(archive: Archive) -> None:
    """A worker that packs what another has packed meanwhile, or repeats itself, adds nothing."""
    archive.end(*(f"j{at}" for at in range(25)))
    slow, quick = (
        Packing(archive.desk.store, ttl_seconds=DAY, most_bytes=MOST_BYTES) for _ in range(2)
    )
    run, store = archive.desk.run, archive.desk.store
    original = store.command

    async def overtaken(*parts: Any) -> Any:
        store.command = original  # type: ignore[method-assign]
        archive.desk.redis.delete(KEYS.history_packing)
        await quick.tick()
        return await original(*parts)

    store.command = overtaken  # type: ignore[method-assign]
    run(slow.tick())
    archive.pack()
    assert archive.found(limit=4) == [f"j{at}" for at in reversed(range(25))]
    redis: Any = archive.desk.redis
    assert redis.llen(KEYS.history_ended) == 0


def test_a_job_whose_record_is_gone_is_left_out(archive: Archive) -> None:
    """An end that nobody packed before its record was deleted is missing; others are not."""
    archive.end("a", "b", "c")
    archive.desk.redis.delete(KEYS.job("b"))
    assert archive.found() == ["c", "a"]
    archive.pack()
    assert archive.found() == ["c", "a"]
    assert archive.found(limit=1) == ["c", "a"]


def test_rows_have_a_bounded_part_of_metadata(archive: Archive) -> None:
    """Of large metadata the first KiB is in a row, be it the job's own or its batch's."""
    large = {f"k{at:02}": "x" * 500 for at in range(16)}
    desk = archive.desk
    desk.run(desk.batches.open(BatchOptions(metadata=large), batch_id="b"))
    archive.end("own", metadata=large)
    archive.end("noted", batch_id="b")
    archive.pack()
    jobs, _ = archive.page()
    assert [sorted(each.metadata) for each in jobs] == [["k00", "k01"]] * 2


def test_the_history_is_bounded_in_bytes(archive: Archive) -> None:
    """When the history is too large its oldest segments are deleted, and the counts agree."""
    archive.end(*(f"j{at}" for at in range(40)))
    archive.pack()
    redis: Any = archive.desk.redis
    total = int(redis.hget(KEYS.history, "bytes"))
    assert archive.segments() == 4
    archive.pack(most_bytes=total * 6 // 10)
    assert archive.segments() == 2
    assert archive.found() == [f"j{at}" for at in reversed(range(20, 40))]
    kept = redis.zrange(KEYS.history_segments, 0, -1)
    sizes = [int(redis.hget(KEYS.history_segment(each.decode()), "bytes")) for each in kept]
    assert int(redis.hget(KEYS.history, "bytes")) == sum(sizes)


def test_rows_are_kept_for_their_own_time(archive: Archive) -> None:
    """Rows outlive results by their own retention, then go; with none, nothing is kept."""
    archive.end(*(f"j{at}" for at in range(10)))
    archive.pack()
    redis: Any = archive.desk.redis
    redis.delete(KEYS.job("j3"), KEYS.result("j3"))
    (found,), _ = archive.page(job_id="j3")
    assert found.state is JobState.CANCELLED
    archive.pack(ttl=0.001)
    assert archive.found() == []
    archive.end("after")
    archive.pack(ttl=0)
    assert archive.found() == []
    archive.end("later")
    assert archive.found() == ["later"]


def test_places_go_on_when_their_count_is_lost(archive: Archive) -> None:
    """A deleted count, or keys of another type, cost no rows that were packed."""
    archive.end(*(f"j{at}" for at in range(13)))
    archive.pack()
    archive.end("k")
    archive.pack()
    redis: Any = archive.desk.redis
    redis.delete(KEYS.history)
    archive.end("l")
    archive.pack()
    assert archive.found(limit=2) == ["l", "k", *(f"j{at}" for at in reversed(range(13)))]
    redis.delete(KEYS.history_ended)
    redis.set(KEYS.history_ended, "somebody else's")
    archive.desk.sweep()
    archive.end("m")
    archive.pack()
    assert archive.found()[:2] == ["m", "l"]


def test_a_page_reads_a_bounded_part(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare job is found over several pages, of which each unpacks only so many segments."""
    monkeypatch.setattr("rerankq.history.search.MOST_SEGMENTS", 2)
    archive.end("rare")
    archive.end(*(f"j{at}" for at in range(49)), metadata={"k": "v"})
    archive.pack()
    jobs, before = archive.page(since=0.0, states=["failed", "cancelled"], limit=100)
    assert (len(jobs), before) == (20, 30)
    assert archive.found(states=["cancelled"], limit=100)[-1] == "rare"
    # What the hashes tell to be elsewhere is not unpacked.
    jobs, before = archive.page(job_id="rare")
    assert [each.id for each in jobs] == ["rare"]
