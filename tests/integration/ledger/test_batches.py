"""Batches in the ledger: their counts, states and times, and how they are listed."""

import pytest

from rerankq.contract import (
    BatchOptions,
    BatchState,
    BatchStatus,
    Callback,
    Job,
    JobError,
    JobState,
)
from rerankq.errors import BatchNotFound
from rerankq.events import BatchEnded
from rerankq.ledger.batches import Batches, ExistingJob, RejectedLine
from rerankq.ledger.intake import Verdict
from rerankq.ledger.ownership import Ownership
from running.keys import KEYS
from running.ledger_desk import LONG, LedgerDesk, job

MINUTE = 60_000
OTHERS_ARGUMENTS = {
    "adopt": (ExistingJob(job_id="j", line=1),),
    "collected": ((),),
    "note_retry": ("r",),
    "page": (0,),
    "set_budget": ("5",),
    "reject": (RejectedLine(line=8, error=JobError(code="c", message="m")),),
}
REJECTED = RejectedLine(line=8, error=JobError(code="c", message="m"))


def opened(desk: LedgerDesk, **options: object) -> str:
    return desk.run(desk.batches.open(BatchOptions.model_validate(options)))


def status(desk: LedgerDesk, batch: str) -> BatchStatus:
    return desk.run(desk.batches.status(batch))


def verdicts(desk: LedgerDesk, *jobs: Job) -> list[Verdict]:
    return [each.verdict for each in desk.submit(*jobs)]


def set_back(desk: LedgerDesk, batch: str, *fields: str) -> None:
    """As if these times of the batch had been a minute earlier."""
    for field in fields:
        desk.redis.hincrby(KEYS.batch(batch), field, -MINUTE)


def test_what_a_batch_is_opened_with_comes_back(desk: LedgerDesk) -> None:
    """Status has the options, and the times that follow from them by Redis' clock."""
    before = desk.now_ms() / 1000
    batch = opened(
        desk, metadata={"of": "me"}, details={"n": [1]}, deadline_seconds=50.0, kept_seconds=100.0,
        expected=7, callbacks=[Callback(task="tasks.done")],
    )  # fmt: skip
    found = status(desk, batch)
    assert (found.state, found.metadata, found.details) == (
        BatchState.OPEN,
        {"of": "me"},
        {"n": [1]},
    )
    assert (found.expected, found.total, found.tokens, found.reasons) == (7, 0, 0, {})
    assert before <= found.created_at <= desk.now_ms() / 1000 + 0.001
    assert found.deadline_at == pytest.approx(found.created_at + 50, abs=0.1)
    assert found.kept_until == pytest.approx(found.created_at + 100, abs=0.1)
    assert (found.paused_at, found.cancelled_at, found.ended_at) == (None, None, None)


def test_opening_again_under_an_id_finds_the_batch(desk: LedgerDesk) -> None:
    """A repeat changes nothing; the id of another tenant's batch is not given away."""
    first = BatchOptions(metadata={"a": "first"})
    for options in (first, BatchOptions(metadata={"a": "second"})):
        assert desk.run(desk.batches.open(options, batch_id="b", tenant="t")) == "b"
    assert status(desk, "b").metadata == {"a": "first"}
    assert status(desk, "b").tenant == "t"
    with pytest.raises(BatchNotFound):
        desk.run(desk.batches.open(batch_id="b", tenant="other"))


def test_a_tenant_finds_its_own_batches_alone(desk: LedgerDesk) -> None:
    """Another tenant's batch is not found, by whatever one asks of it."""
    batch = desk.run(desk.batches.open(tenant="t"))
    own, other = (desk.batches.of(Ownership(desk.store, name)) for name in ("t", "other"))
    assert desk.run(own.status(batch)).id == batch
    assert [each.id for each in desk.run(own.listed(limit=9))] == [batch]
    assert desk.run(other.listed(limit=9)) == []
    public = {each for each in dir(Batches) if not each.startswith("_")}
    for name in sorted(public - {"open", "of", "listed", "entries"}):
        call = getattr(other, name)
        with pytest.raises(BatchNotFound, match=f"no batch has the id {batch}"):
            desk.run(call(batch, *OTHERS_ARGUMENTS.get(name, ())))

    async def all_entries() -> None:
        assert [each async for each in other.entries(batch)] == []

    with pytest.raises(BatchNotFound):
        desk.run(all_entries())


def test_jobs_enter_a_batch_of_their_own_tenant(desk: LedgerDesk) -> None:
    """A job cannot be put into another tenant's batch, nor into one of nobody's."""
    batch = desk.run(desk.batches.open(tenant="t"))
    jobs = [job(name, batch_id=batch, tenant=name) for name in ("t", "other")]
    found = verdicts(desk, *jobs, job("none", batch_id=batch))
    assert found == [Verdict.ACCEPTED, Verdict.NO_BATCH, Verdict.NO_BATCH]


def test_each_job_is_counted_where_it_is(desk: LedgerDesk) -> None:
    """Queued, running, scheduled and ended jobs add up to the total, at each moment."""
    batch = opened(desk)
    names = ("queued", "waits", "runs", "done", "failed", "cancelled")
    desk.submit(*(job(name, batch_id=batch) for name in names))
    desk.submit(job("later", batch_id=batch, not_before=4e9))
    desk.run(
        desk.batches.reject(
            batch, RejectedLine.parse({"line": 8, "error": {"code": "c", "message": "m"}})
        )
    )
    leases = {each.job_id: each for each in desk.claim("waits", "runs", "done", "failed")}
    desk.postpone(leases["waits"], LONG)
    desk.succeed(leases["done"], tokens=5)
    desk.fail(leases["failed"], "upstream_refused")
    desk.cancel("cancelled")
    found = status(desk, batch)
    assert (found.queued, found.running, found.scheduled, found.held) == (1, 1, 2, 0)
    assert (found.succeeded, found.failed, found.cancelled, found.rejected) == (1, 1, 1, 1)
    assert found.total == 8
    assert (found.tokens, found.reasons) == (5, {"upstream_refused": 1})
    assert desk.run(desk.batches.failed(batch)) == ["failed"]
    # In one transaction: both are read at the same moment.
    with desk.redis.pipeline() as moment:
        for key in (KEYS.batch_failed(batch), KEYS.batch(batch)):
            moment.pttl(key)
        failed_left, left = moment.execute()
    assert 0 < failed_left <= left


@pytest.mark.parametrize("how", ["sealed", "cancelled", "late"])
def test_a_closed_batch_takes_no_more_jobs(desk: LedgerDesk, how: str) -> None:
    """Nothing is added to a batch that is sealed, cancelled or late; a repeat is still accepted."""
    batch = opened(desk, deadline_seconds=30.0)
    desk.submit(job("a", batch_id=batch))
    match how:
        case "sealed":
            desk.run(desk.batches.seal(batch))
        case "cancelled":
            desk.run(desk.batches.cancel(batch))
        case _:
            set_back(desk, batch, "deadline")
    jobs = [job(name, batch_id=batch) for name in ("a", "b")]
    assert verdicts(desk, *jobs) == [Verdict.ACCEPTED, Verdict.CLOSED]
    assert status(desk, batch).total == 1
    assert not desk.has_payload("b")


def test_a_batchs_deadline_is_that_of_its_jobs(desk: LedgerDesk) -> None:
    """A job may end earlier than its batch has to, and never later; then the batch is expired."""
    batch = opened(desk, deadline_seconds=30.0)
    for name, own in (("own", 10.0), ("longer", 60.0), ("none", None)):
        desk.submit(job(name, batch_id=batch, deadline_seconds=own))
    limit = status(desk, batch).deadline_at
    found = {name: desk.status(name).deadline_at for name in ("own", "longer", "none")}
    assert limit is not None
    assert found["longer"] == found["none"] == limit
    assert (found["own"] or limit) < limit
    set_back(desk, batch, "deadline")
    for name in found:
        desk.alter_record(name, deadline=1)
        desk.redis.zadd(KEYS.deadlines, {name: 1})
    desk.sweep()
    assert (status(desk, batch).state, status(desk, batch).expired) == (BatchState.EXPIRED, 3)
    assert status(desk, batch).ended_at is not None


@pytest.mark.parametrize("how", ["finish", "seal", "sweep", "cancel", "claim", "cancel_batch"])
def test_the_end_of_a_batch_is_told_once(desk: LedgerDesk, how: str) -> None:
    """Whichever write is the last one, the process that made it tells how the batch ended."""
    told: list[BatchEnded] = []
    desk.events.listen(told.append, BatchEnded)
    batch = opened(desk)
    lease = desk.claimed("a", batch_id=batch) if how == "finish" else None
    desk.submit(job("b", batch_id=batch))
    if lease:
        desk.cancel("b")
    if how == "seal":
        desk.cancel("b")
    if how != "cancel_batch":
        desk.run(desk.batches.seal(batch))
    assert bool(told) == (how == "seal")
    match how:
        case "finish" if lease:
            assert desk.succeed(lease)
            assert not desk.succeed(lease)
        case "sweep":
            desk.alter_record("b", deadline=1)
            desk.redis.zadd(KEYS.deadlines, {"b": 1})
            desk.sweep()
        case "cancel":
            desk.cancel("b")
        case "claim":
            desk.run(desk.batches.cancel(batch))
            assert desk.claim("b") == []
        case "cancel_batch":
            desk.run(desk.batches.cancel(batch))
            desk.run(desk.batches.cancel_portion(batch))
    desk.cancel("b")
    desk.run(desk.batches.seal(batch))
    (end,) = told
    assert (end.batch_id, end.state) == (batch, status(desk, batch).state)
    assert end.total == end.succeeded + end.cancelled + end.expired
    assert status(desk, batch).ended_at is not None


def test_a_cut_batch_ends_as_abandoned(desk: LedgerDesk) -> None:
    """Where input is missing, an end of all jobs is not taken for completion."""
    batches = [opened(desk) for _ in range(3)]
    cut, silent, fed = batches
    for at, batch in enumerate(batches):
        desk.succeed(desk.claimed(f"job-{at}", batch_id=batch))
    desk.run(desk.batches.seal(cut, cut_at=2))
    set_back(desk, silent, "fed")
    found = [status(desk, batch).state for batch in (cut, silent, fed)]
    assert found == [BatchState.ABANDONED, BatchState.ABANDONED, BatchState.OPEN]


def test_speed_and_time_left_are_known_to_everybody(desk: LedgerDesk) -> None:
    """The ledger samples how many have ended, so a process that just looks knows the speed."""
    batch = opened(desk)
    desk.submit(*(job(f"job-{at}", batch_id=batch) for at in range(30)))
    desk.run(desk.batches.seal(batch))
    for lease in desk.claim("job-0"):
        desk.succeed(lease)
    assert status(desk, batch).rate is None
    desk.redis.hset(KEYS.batch(batch), "pace", f"{desk.now_ms() - 9000} 1 {desk.now_ms() - 8000} 1")
    for lease in desk.claim(*(f"job-{at}" for at in range(1, 10))):
        desk.succeed(lease)
    found = status(desk, batch)
    assert found.rate == pytest.approx(1, rel=0.2)
    assert found.seconds_left == pytest.approx(20, rel=0.2)
    # Nothing has ended for ten minutes: then nobody knows how long it takes.
    desk.redis.hset(
        KEYS.batch(batch), "pace", f"{desk.now_ms() - 10 * MINUTE} 1 {desk.now_ms() - 9 * MINUTE} 9"
    )
    assert (status(desk, batch).rate, status(desk, batch).seconds_left) == (None, None)


def test_the_newest_batches_are_listed_first(desk: LedgerDesk) -> None:
    """Pages share no batch and miss none, also while batches are opened, and without a scan."""
    batches = [opened(desk) for _ in range(7)]
    desk.run(desk.batches.open(tenant="t"))
    desk.redis.config_resetstat()
    listed = desk.run(desk.batches.listed(limit=3))
    later = opened(desk)
    while page := desk.run(desk.batches.listed(after=listed[-1].id, limit=3)):
        listed += page
    assert [each.id for each in listed[1:]] == batches[::-1]
    assert desk.run(desk.batches.listed(limit=2))[0].id == later
    assert [each.tenant for each in desk.run(desk.batches.listed(tenant="t", limit=9))] == ["t"]
    assert not {"cmdstat_scan", "cmdstat_keys"} & desk.redis.info("commandstats").keys()
    with pytest.raises(BatchNotFound):
        desk.run(desk.batches.listed(after="unknown", limit=3))


def test_batches_past_their_retention_leave_the_list(desk: LedgerDesk) -> None:
    """A list holds no batch that is gone, whoever notices first: who reads it, or who opens one."""
    old = [opened(desk) for _ in range(4)]
    desk.redis.delete(*map(KEYS.batch, old[:3]))
    assert [each.id for each in desk.run(desk.batches.listed(limit=2))] == [old[3]]
    assert desk.redis.zcard(KEYS.batches) == 1
    desk.redis.delete(KEYS.batch(old[3]))
    new = opened(desk)
    assert desk.redis.zrange(KEYS.batches, 0, -1) == [new.encode()]


def test_a_batch_of_an_earlier_version_is_read_too(desk: LedgerDesk) -> None:
    """Fields that it does not have are not missed, and what old workers miscount is put right."""
    desk.redis.hset(KEYS.batch("old"), mapping={"sealed": 0, "total": 0, "fed": desk.now_ms()})
    desk.redis.expire(KEYS.batch("old"), 60)
    lease = desk.claimed("a", batch_id="old")
    desk.submit(job("b", batch_id="old"))
    # An old worker takes a job and counts nothing; at its end a new one counts one running less.
    desk.redis.hdel(KEYS.batch("old"), "running")
    desk.succeed(lease)
    found = status(desk, "old")
    assert (found.succeeded, found.queued, found.running) == (1, 1, 0)
    assert found.created_at < desk.now_ms() / 1000
    desk.cancel("b")
    desk.run(desk.batches.seal("old"))
    assert status(desk, "old").state is BatchState.COMPLETED


def test_a_record_of_an_earlier_version_goes_through(desk: LedgerDesk) -> None:
    """A job without the newer fields keeps its life, and none of them is added to it."""
    desk.submit(job("a"))
    assert desk.record("a").keys() == {"state", "lane", "submitted"}
    desk.succeed(desk.claim("a")[0])
    assert desk.state("a") is JobState.SUCCEEDED
    assert {"held", "tenant", "keep", "cost", "callbacks"}.isdisjoint(desk.record("a"))


def test_the_failures_of_a_batch_are_repeated_by_one_batch_at_a_time(desk: LedgerDesk) -> None:
    """A second caller is led to the batch of the first, until that is sealed."""
    batch, first, second = opened(desk), opened(desk), opened(desk)
    assert desk.run(desk.batches.note_retry(batch, first)) == first
    assert desk.run(desk.batches.note_retry(batch, second)) == first
    desk.run(desk.batches.seal(first))
    assert desk.run(desk.batches.note_retry(batch, second)) == second
    assert status(desk, batch).retried_by == second
    with pytest.raises(BatchNotFound):
        desk.run(desk.batches.note_retry("unknown", first))
