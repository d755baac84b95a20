"""Submitting to the real ledger."""

import pytest

from rerankq.contract import JobState, Lane, RerankRequest
from rerankq.errors import InvalidRequest, JobNotFound, LedgerUnavailable
from rerankq.ledger.intake import Admission, Verdict
from running.ledger_desk import LedgerDesk, ids, job


def verdicts(admissions: list[Admission]) -> list[str]:
    return [each.verdict.value for each in admissions]


def test_submitted_job_is_in_the_ledger(desk: LedgerDesk) -> None:
    """An accepted job is queued, only in its lane, with its request."""
    assert desk.submit(job("a", lane="interactive", custom_id="mine")) == [
        Admission(Verdict.ACCEPTED, "a")
    ]
    status = desk.status("a")
    assert (status.state, status.lane, status.custom_id) == (
        JobState.QUEUED,
        Lane.INTERACTIVE,
        "mine",
    )
    assert desk.places("a") == ["interactive:queued"]
    assert desk.has_payload("a")


def test_submit_is_idempotent_by_id(desk: LedgerDesk) -> None:
    """The same job submitted again is accepted again, and counts as one job."""
    batch = desk.run(desk.batches.open())
    for _ in range(3):
        assert verdicts(desk.submit(job("a", batch_id=batch))) == ["accepted"]
    assert desk.redis.zcard("rerankq:bulk:queued") == 1
    assert desk.run(desk.batches.progress(batch)).total == 1
    assert ids(desk.claim("a")) == ["a"]
    desk.submit(job("a", batch_id=batch))
    assert desk.places("a") == ["bulk:running"]


def test_ended_job_is_not_begun_again(desk: LedgerDesk) -> None:
    """A job submitted again after its end stays ended."""
    desk.succeed(desk.claimed("a"))
    assert verdicts(desk.submit(job("a"))) == ["accepted"]
    assert desk.state("a") is JobState.SUCCEEDED
    assert desk.places("a") == []


def test_same_key_and_request_give_the_same_job(desk: LedgerDesk) -> None:
    """A repeated idempotency key with the same request gives the earlier job."""
    desk.submit(job("a", idempotency_key="k"))
    assert desk.submit(job("b", idempotency_key="k")) == [Admission(Verdict.EXISTING, "a")]
    with pytest.raises(JobNotFound):
        desk.status("b")


def test_same_key_and_another_request_conflict(desk: LedgerDesk) -> None:
    """A repeated idempotency key with another request is refused, and nothing is recorded."""
    desk.submit(job("a", idempotency_key="k"))
    other = RerankRequest(query="another", documents=("d",))
    assert verdicts(desk.submit(job("b", idempotency_key="k", request=other))) == ["conflict"]
    assert desk.redis.zcard("rerankq:bulk:queued") == 1


def test_a_repeated_id_hides_no_conflict(desk: LedgerDesk) -> None:
    """The same job again is accepted; with another request under its key it is refused."""
    desk.submit(job("a", idempotency_key="k"))
    assert verdicts(desk.submit(job("a", idempotency_key="k"))) == ["accepted"]
    other = RerankRequest(query="another", documents=("d",))
    assert verdicts(desk.submit(job("a", idempotency_key="k", request=other))) == ["conflict"]


def test_a_key_whose_job_is_gone_belongs_to_no_job(desk: LedgerDesk) -> None:
    """A key does not give a job whose record is gone."""
    desk.submit(job("a", idempotency_key="k"))
    desk.redis.delete("rerankq:job:a")
    assert desk.submit(job("b", idempotency_key="k")) == [Admission(Verdict.ACCEPTED, "b")]
    assert desk.submit(job("c", idempotency_key="k")) == [Admission(Verdict.EXISTING, "b")]


def test_full_lane_refuses_until_a_job_ends(redis_url: str) -> None:
    """A full lane refuses jobs, whatever its jobs' states, and accepts one after an end."""
    with LedgerDesk(redis_url, max_queue_depth=3) as desk:
        running, waiting = desk.claimed("running"), desk.claimed("waiting")
        desk.postpone(waiting, 60)
        assert verdicts(desk.submit(job("queued"), job("over"))) == ["accepted", "full"]
        assert verdicts(desk.submit(job("other", lane="interactive"))) == ["accepted"]
        desk.succeed(running)
        assert verdicts(desk.submit(job("over"), job("more"))) == ["accepted", "full"]


def test_known_jobs_are_accepted_by_a_full_lane(redis_url: str) -> None:
    """A full lane still accepts jobs that it already holds: repeats after a lost answer."""
    with LedgerDesk(redis_url, max_queue_depth=1) as desk:
        desk.submit(job("a", idempotency_key="k"))
        again = desk.submit(job("a"), job("b", idempotency_key="k"), job("c"))
        assert verdicts(again) == ["accepted", "existing", "full"]


def test_one_bad_job_keeps_all_out(desk: LedgerDesk) -> None:
    """When one job of a call cannot be encoded, none is recorded."""
    bad = job("bad").model_copy(update={"metadata": {"a": "\ud800"}})
    with pytest.raises(InvalidRequest):
        desk.submit(job("good"), bad)
    assert desk.redis.dbsize() == 0


def test_scheduled_job_waits_for_its_time(desk: LedgerDesk) -> None:
    """A job that may not run before a time is scheduled, and is queued once the time has come."""
    soon = desk.now_ms() / 1000 + 60
    assert verdicts(desk.submit(job("later", not_before=soon))) == ["scheduled"]
    assert desk.claim("later") == []
    assert desk.status("later").next_attempt_at == pytest.approx(soon, abs=0.002)
    assert desk.sweep() == []
    assert verdicts(desk.submit(job("now", not_before=soon - 120))) == ["accepted"]
    assert desk.places("now") == ["bulk:queued"]


def test_job_of_no_batch_is_refused(desk: LedgerDesk) -> None:
    """A job with an unknown batch is refused and not recorded; the others are accepted."""
    batch = desk.run(desk.batches.open())
    admissions = desk.submit(job("a", batch_id="never"), job("b", batch_id=batch), job("c"))
    assert verdicts(admissions) == ["no_batch", "accepted", "accepted"]
    assert desk.places("a") == []
    assert not desk.has_payload("a")
    assert not desk.redis.exists("rerankq:batch:never", "rerankq:job:a")


def test_known_job_is_accepted_even_if_its_batch_is_gone(desk: LedgerDesk) -> None:
    """A repeat after a lost answer is accepted as before, also past the batch's retention."""
    batch = desk.run(desk.batches.open())
    desk.submit(job("a", batch_id=batch))
    desk.redis.delete(f"rerankq:batch:{batch}")
    assert verdicts(desk.submit(job("a", batch_id=batch))) == ["accepted"]


def test_a_submit_that_fails_late_leaves_a_complete_job(desk: LedgerDesk) -> None:
    """When a later step of a submit fails, the job is recorded, and a repeat says so."""
    batch = desk.run(desk.batches.open())
    desk.redis.set("rerankq:deadlines", "no sorted set")
    with pytest.raises(LedgerUnavailable):
        desk.submit(job("a", batch_id=batch, deadline_seconds=60))
    assert desk.places("a") == ["bulk:queued"]
    assert desk.has_payload("a")
    assert desk.status("a").batch_id == batch
    desk.redis.delete("rerankq:deadlines")
    assert verdicts(desk.submit(job("a", batch_id=batch, deadline_seconds=60))) == ["accepted"]
    assert ids(desk.claim("a")) == ["a"]
