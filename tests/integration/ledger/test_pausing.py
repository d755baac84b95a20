"""Pausing, resuming and cancelling a whole batch."""

import pytest

from rerankq.contract import BatchState, JobState, Lane
from rerankq.errors import BatchClosed, BatchNotFound
from rerankq.events import BatchCancelled, BatchPaused, BatchResumed, Event
from rerankq.ledger import batch_controls
from rerankq.ledger.intake import Verdict
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, ids, job


def queued(desk: LedgerDesk, *names: str, **fields: object) -> str:
    """A new batch with jobs that are queued."""
    batch = desk.run(desk.batches.open())
    desk.submit(*(job(name, batch_id=batch, **fields) for name in names))
    return batch


def state(desk: LedgerDesk, batch: str) -> BatchState:
    return desk.run(desk.batches.status(batch)).state


def held(desk: LedgerDesk, batch: str) -> int:
    return desk.run(desk.batches.status(batch)).held


def let_go(desk: LedgerDesk, batch: str) -> list[str]:
    """Resume it as a client does; returns the ids to announce."""
    found: list[str] = []
    is_first = True
    while True:
        portion = desk.run(desk.batches.resume(batch, is_first=is_first))
        found += [each for names in portion.announce.values() for each in names]
        if not portion.left:
            return found
        is_first = False


def test_no_job_of_a_paused_batch_is_claimed(desk: LedgerDesk) -> None:
    """Its jobs are held back when they would be claimed, and others are claimed beside them."""
    batch = queued(desk, "runs", "a", "b")
    desk.submit(job("other"))
    (lease,) = desk.claim("runs")
    desk.redis.config_resetstat()
    assert desk.run(desk.batches.pause(batch))
    assert not desk.run(desk.batches.pause(batch))
    # However large it is: one field is written, and no job is touched.
    written = {"cmdstat_zadd", "cmdstat_mset", "cmdstat_set"}
    assert not written & desk.redis.info("commandstats").keys()
    assert state(desk, batch) is BatchState.PAUSED
    assert ids(desk.claim("a", "other", "b")) == ["other"]
    assert held(desk, batch) == 2
    assert desk.places("a") == []
    assert desk.status("a").state is JobState.SCHEDULED
    # Its call is paid for: a job that runs may end.
    assert desk.succeed(lease)
    assert desk.sweep() == []


def test_a_resumed_batch_goes_on_where_it_stood(desk: LedgerDesk) -> None:
    """All that was held back is queued again, in its order, and can be claimed."""
    batch = queued(desk, "a", "b", "c")
    desk.run(desk.batches.pause(batch))
    desk.claim("c", "a", "b")
    assert let_go(desk, batch) == ["a", "b", "c"]
    assert held(desk, batch) == 0
    assert state(desk, batch) is BatchState.OPEN
    assert ids(desk.claim("a", "b", "c")) == ["a", "b", "c"]
    assert let_go(desk, batch) == []
    assert desk.redis.zcard(KEYS.batches_holding) == desk.redis.zcard(KEYS.batches_resuming) == 0
    assert desk.redis.hget(KEYS.lane("bulk"), "held") == b"0"


def test_workers_go_on_with_a_resumption_that_broke_off(
    desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the client dies after its first portion, the reconciler announces the rest."""
    monkeypatch.setattr(batch_controls, "PAGE", 2)
    names = [f"job-{at}" for at in range(5)]
    batch = queued(desk, *names)
    desk.run(desk.batches.pause(batch))
    desk.claim(*names)
    portion = desk.run(desk.batches.resume(batch))
    assert (portion.announce, portion.left) == ({Lane.BULK: names[:2]}, 3)
    assert desk.sweep() == names[2:]
    assert (held(desk, batch), desk.sweep()) == (0, [])
    assert ids(desk.claim(*names)) == names


def test_a_pause_stops_a_resumption(desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a batch is paused again while it is being resumed, what is held stays held."""
    monkeypatch.setattr(batch_controls, "PAGE", 1)
    batch = queued(desk, "a", "b")
    desk.run(desk.batches.pause(batch))
    desk.claim("a", "b")
    desk.run(desk.batches.resume(batch))
    desk.run(desk.batches.pause(batch))
    assert desk.run(desk.batches.resume(batch, is_first=False)) == ({}, 0)
    assert (desk.sweep(), held(desk, batch)) == ([], 1)
    monkeypatch.undo()
    assert let_go(desk, batch) == ["b"]


def test_held_jobs_count_for_the_depth_of_their_lane(redis_url: str) -> None:
    """A pause makes no room for more jobs than the lane may hold."""
    with LedgerDesk(redis_url, max_queue_depth=2) as desk:
        batch = queued(desk, "a", "b")
        desk.run(desk.batches.pause(batch))
        desk.claim("a", "b")
        assert [each.verdict for each in desk.submit(job("c"))] == [Verdict.FULL]
        desk.cancel("a")
        assert [each.verdict for each in desk.submit(job("c"))] == [Verdict.ACCEPTED]


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_a_held_job_can_end(desk: LedgerDesk, how: str) -> None:
    """A job that a pause holds back can be cancelled, and its deadline holds."""
    batch = queued(desk, "a", deadline_seconds=60.0)
    desk.run(desk.batches.seal(batch))
    desk.run(desk.batches.pause(batch))
    desk.claim("a")
    if how == "cancel":
        assert desk.cancel("a") is JobState.SCHEDULED
    else:
        desk.alter_record("a", deadline=1)
        desk.redis.zadd(KEYS.deadlines, {"a": 1})
        desk.sweep()
    assert desk.state("a") is (JobState.CANCELLED if how == "cancel" else JobState.EXPIRED)
    assert (held(desk, batch), desk.redis.zcard(KEYS.batch_held(batch))) == (0, 0)
    assert state(desk, batch) is BatchState.COMPLETED


def test_held_jobs_of_a_forgotten_batch_end(desk: LedgerDesk) -> None:
    """When a batch is past its retention, nobody can resume it: what it held back is cancelled."""
    batch = queued(desk, "a", "b")
    desk.run(desk.batches.pause(batch))
    desk.claim("a", "b")
    desk.redis.delete(KEYS.batch(batch))
    desk.redis.zadd(KEYS.batches_holding, {batch: 1})
    desk.sweep()
    assert (desk.state("a"), desk.state("b")) == (JobState.CANCELLED, JobState.CANCELLED)
    assert desk.redis.zcard(KEYS.batches_holding) == 0
    desk.sweep()
    assert desk.redis.hget(KEYS.lane("bulk"), "held") in (None, b"0")


def test_a_cancelled_batch_ends_all_its_jobs(
    desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queued, running, waiting and held jobs end as cancelled; what had ended stays as it is."""
    monkeypatch.setattr(batch_controls, "PAGE", 2)
    batch = queued(desk, "done", "runs", "waits", "queued", "held")
    leases = {each.job_id: each for each in desk.claim("done", "runs", "waits")}
    desk.succeed(leases["done"])
    desk.postpone(leases["waits"], 600)
    desk.run(desk.batches.pause(batch))
    desk.claim("held")
    assert desk.run(desk.batches.cancel(batch))
    assert not desk.run(desk.batches.cancel(batch))
    assert state(desk, batch) is BatchState.CANCELLING
    ended = 0
    while True:
        portion = desk.run(desk.batches.cancel_portion(batch))
        ended += portion.ended
        if portion.is_last:
            break
    assert ended == 4
    found = desk.run(desk.batches.status(batch))
    assert (found.state, found.cancelled, found.succeeded) == (BatchState.CANCELLED, 4, 1)
    assert found.held == found.running == found.scheduled == found.queued == 0
    assert not desk.succeed(leases["runs"])
    assert desk.redis.zcard(KEYS.batches_cancelling) == 0


def test_a_cancellation_that_broke_off_still_ends_all(desk: LedgerDesk) -> None:
    """When the client dies, jobs end at their claim or their result, and workers end the rest."""
    batch = queued(desk, "runs", "queued", "waits")
    leases = {each.job_id: each for each in desk.claim("runs", "waits")}
    desk.postpone(leases["waits"], 600)
    desk.run(desk.batches.cancel(batch))
    assert desk.claim("queued") == []
    assert not desk.succeed(leases["runs"])
    assert {desk.state(name) for name in ("queued", "runs")} == {JobState.CANCELLED}
    assert state(desk, batch) is BatchState.CANCELLING
    desk.sweep()
    assert (desk.state("waits"), state(desk, batch)) == (JobState.CANCELLED, BatchState.CANCELLED)
    assert desk.redis.zcard(KEYS.batches_cancelling) == 0


def test_what_is_done_to_a_batch_is_told(desk: LedgerDesk) -> None:
    """Each change is an event, once; what is over cannot be paused, nor what is not there."""
    told: list[Event] = []
    for kind in (BatchPaused, BatchResumed, BatchCancelled):
        desk.events.listen(told.append, kind)
    batch = queued(desk, "a", "b")
    for _ in range(2):
        desk.run(desk.batches.pause(batch))
    desk.claim("a")
    for _ in range(2):
        let_go(desk, batch)
    for _ in range(2):
        desk.run(desk.batches.cancel(batch))
    assert told == [
        BatchPaused(batch_id=batch),
        BatchResumed(batch_id=batch, released=1),
        BatchCancelled(batch_id=batch),
    ]
    with pytest.raises(BatchClosed):
        desk.run(desk.batches.pause(batch))
    for call in (desk.batches.pause, desk.batches.resume, desk.batches.cancel):
        with pytest.raises(BatchNotFound):
            desk.run(call("unknown"))
