"""One winner: claims, fencing, and ends that never change."""

import json
import secrets
from dataclasses import replace
from typing import Any

import pytest

from rerankq import events
from rerankq.contract import Job, JobState, Lane, RerankRequest
from rerankq.errors import JobCancelled, JobExpired, JobFailed, JobNotFound
from rerankq.events import JobRef
from rerankq.ledger.failures import NO_PAST, Failure, Past
from rerankq.ledger.leases import Postponement, new_request
from rerankq.store.script import Script
from running.heard import heard
from running.keys import KEYS
from running.ledger_desk import LONG, LedgerDesk, claims_of, ids, job, ranking


def reclaimed(desk: LedgerDesk, job_id: str = "a") -> None:
    """Let a claimed job's lease expire, and another worker claim the job."""
    desk.let_run_out(job_id)
    desk.end_lease_grace()
    assert desk.sweep() == [job_id]
    assert ids(desk.claim(job_id)) == [job_id]


def test_lease_carries_the_job(desk: LedgerDesk) -> None:
    """A claim gives the job as it was submitted, with the first token and no attempt used."""
    desk.submit(job("a"))
    (lease,) = desk.claim("a")
    assert Job.parse(lease.payload) == job("a")
    assert (claims_of(lease), lease.attempts) == (1, 0)
    assert 0 <= lease.waited_seconds < 60
    assert desk.status("a").started_at is not None


def test_claiming_nothing_gives_nothing(desk: LedgerDesk) -> None:
    """A hint whose jobs have all been claimed already needs no call."""
    assert desk.claim() == []


def test_job_is_claimed_once(desk: LedgerDesk) -> None:
    """A second hint for a claimed job, or a hint for an unknown one, claims nothing."""
    desk.submit(job("a"), job("b"))
    assert ids(desk.claim("a", "a", "unknown")) == ["a"]
    assert ids(desk.claim("a", "b")) == ["b"]


def test_a_claim_that_is_repeated_gives_the_same_leases(desk: LedgerDesk) -> None:
    """After a lost answer the same request gets the jobs it has taken, with the same tokens."""
    desk.submit(job("a"), job("b"), job("c"))
    leases, request = desk.leases(), new_request()
    first = desk.run(leases.claim(["a", "b"], request=request))
    again = desk.run(leases.claim(["a", "b"], request=request))
    assert [replace(each, waited_seconds=0) for each in again.leases] == [
        replace(each, waited_seconds=0) for each in first.leases
    ]
    assert [desk.record(name)["claims"] for name in ("a", "b")] == [1, 1]
    assert desk.succeed(first.leases[0])
    assert ids(desk.run(leases.claim(["a", "b"], request=request)).leases) == ["b"]


def test_a_repeated_claim_takes_nothing_of_others(desk: LedgerDesk) -> None:
    """Only the same request of the same worker is a repeat."""
    desk.submit(job("a"))
    request = new_request()
    assert desk.run(desk.leases("w").claim(["a"], request=request)).leases
    assert desk.run(desk.leases("w").claim(["a"])).leases == []
    assert desk.run(desk.leases("other").claim(["a"], request=request)).leases == []


def test_a_large_payload_has_the_time_to_arrive(desk: LedgerDesk) -> None:
    """Until its first renewal a lease is longer, by the time that the payload takes to arrive."""
    documents = [secrets.token_hex(60_000) for _ in range(30)]
    large = {"query": "q", "documents": documents}
    desk.submit(job("small"), job("large", request=RerankRequest.model_validate(large)))
    (small,) = desk.claim("small")
    ends = desk.score("small", "running") or 0
    assert ends - desk.now_ms() <= 1000 * LONG
    (lease,) = desk.claim("large")
    assert desk.record("large")["bytes"] == desk.redis.strlen("rerankq:payload:large")
    slow_link = desk.record("large")["bytes"] * 8 / 1_000_000
    assert slow_link > 5
    left = ((desk.score("large", "running") or 0) - desk.now_ms()) / 1000
    assert LONG + slow_link - 5 < left <= LONG + slow_link
    assert desk.renew(lease, small) == set()
    assert (desk.score("large", "running") or 0) - desk.now_ms() <= 1000 * LONG


def test_old_token_is_refused(desk: LedgerDesk) -> None:
    """A worker that lost a lease cannot renew, finish or postpone the job any more."""
    old = desk.claimed("a", lease_seconds=0.05)
    reclaimed(desk)
    assert desk.renew(old) == {"a"}
    assert desk.succeed(old) is False
    assert desk.fail(old) is False
    assert desk.postpone(old, 0) is False
    assert desk.places("a") == ["bulk:running"]
    assert desk.end("a") is None


def test_no_two_claims_have_the_same_token(desk: LedgerDesk) -> None:
    """After Redis went back to an older state, no claim has the token of a forgotten one."""
    desk.submit(job("a"))
    before = {key: desk.redis.dump(key) for key in desk.redis.keys("rerankq:*")}
    forgotten = desk.claim("a")[0]
    for key, value in before.items():
        assert isinstance(value, bytes)
        desk.redis.restore(key, 0, value, replace=True)
    desk.redis.delete("rerankq:bulk:running")
    (current,) = desk.claim("a", worker="other")
    assert claims_of(current) == claims_of(forgotten)
    assert desk.renew(forgotten) == {"a"}
    assert desk.succeed(forgotten) is False
    assert desk.succeed(current) is True


def test_fencing_test_can_fail(desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check of the token an old lease wins."""
    real = Script.text

    def unfenced(script: Script[..., Any], namespace: str) -> tuple[str, str]:
        text = real(script, namespace)[0].replace("and token_of(job) == token", "")
        return text, "0" * 40

    old = desk.claimed("a", lease_seconds=0.05)
    reclaimed(desk)
    monkeypatch.setattr(Script, "text", unfenced)
    assert desk.succeed(old) is True


def test_renewal_keeps_a_job(desk: LedgerDesk) -> None:
    """A renewed lease ends later, and no other lease is touched."""
    lease, other = desk.claimed("a", lease_seconds=1), desk.claimed("b", lease_seconds=1)
    before = desk.score("a", "running"), desk.score("b", "running")
    assert desk.renew(lease) == set()
    assert desk.score("a", "running") > before[0]  # type: ignore[operator]
    assert desk.score("b", "running") == before[1]
    assert desk.succeed(other)


def test_renewal_reports_what_is_lost(desk: LedgerDesk) -> None:
    """A renewal names the jobs that were cancelled or have ended meanwhile."""
    leases = [desk.claimed(name) for name in ("kept", "cancelled", "ended")]
    desk.cancel("cancelled")
    desk.succeed(leases[2])
    assert desk.renew(*leases) == {"cancelled", "ended"}


def test_finish_is_the_end(desk: LedgerDesk) -> None:
    """A finished job has its result and attempts, leaves its lane, and drops its payload."""
    assert desk.succeed(desk.claimed("a"), attempts=3)
    assert desk.end("a") == ranking("a")
    status = desk.status("a")
    assert (status.state, status.attempts) == (JobState.SUCCEEDED, 3)
    assert status.finished_at is not None
    assert desk.places("a") == []
    assert not desk.has_payload("a")


def test_status_and_end_have_the_reason_of_a_failure(desk: LedgerDesk) -> None:
    """A failed job's status and end both tell the reason."""
    assert desk.fail(desk.claimed("a"), "upstream_auth")
    error = desk.status("a").error
    assert error is not None
    assert error.code == "upstream_auth"
    end = desk.end("a")
    assert isinstance(end, JobFailed)
    assert end.reason == "upstream_auth"


def test_second_finish_is_refused(desk: LedgerDesk) -> None:
    """A job ends once, even if the answer to the first write was lost."""
    lease = desk.claimed("a")
    assert desk.succeed(lease)
    assert desk.fail(lease) is False
    assert desk.postpone(lease, 0) is False
    assert desk.state("a") is JobState.SUCCEEDED
    assert desk.end("a") == ranking("a")


def test_finish_after_cancel_changes_nothing(desk: LedgerDesk) -> None:
    """A cancelled job stays cancelled even if its worker then writes a result."""
    lease = desk.claimed("a")
    assert desk.cancel("a") is JobState.RUNNING
    assert desk.succeed(lease) is False
    assert desk.state("a") is JobState.CANCELLED
    assert isinstance(desk.end("a"), JobCancelled)


@pytest.mark.parametrize("ended", ["succeeded", "failed"])
def test_cancel_after_finish_changes_nothing(desk: LedgerDesk, ended: str) -> None:
    """A job that has ended cannot be cancelled: its end is returned, and stays."""
    lease = desk.claimed("a")
    (desk.succeed if ended == "succeeded" else desk.fail)(lease)
    before = desk.end("a")
    assert desk.cancel("a") is JobState(ended)
    assert desk.cancel("a") is JobState(ended)
    assert repr(desk.end("a")) == repr(before)


@pytest.mark.parametrize("state", ["queued", "scheduled", "running"])
def test_cancel_ends_a_job_in_every_state(desk: LedgerDesk, state: str) -> None:
    """A job is cancelled in any state, and cannot be claimed afterwards."""
    desk.submit(job("a"))
    if state != "queued":
        (lease,) = desk.claim("a")
        if state == "scheduled":
            desk.postpone(lease, 60)
    assert desk.cancel("a") is JobState(state)
    assert desk.places("a") == []
    assert not desk.has_payload("a")
    assert desk.claim("a") == []


def test_unknown_job_cannot_be_cancelled(desk: LedgerDesk) -> None:
    """Cancelling a job that the ledger does not know is an error."""
    with pytest.raises(JobNotFound, match="never"):
        desk.cancel("never")


@pytest.mark.parametrize("state", ["queued", "scheduled", "running"])
def test_deadline_ends_a_job_in_every_state(desk: LedgerDesk, state: str) -> None:
    """A job past its deadline expires in any state, and its worker's result is refused."""
    told = heard(desk.events)
    batch_id = desk.run(desk.batches.open())
    desk.submit(job("a", deadline_seconds=60, batch_id=batch_id))
    lease = None
    if state != "queued":
        (lease,) = desk.claim("a")
        if state == "scheduled":
            desk.postpone(lease, 60)
    pass_deadline(desk, "a")
    assert desk.sweep() == []
    assert desk.state("a") is JobState.EXPIRED
    assert isinstance(desk.end("a"), JobExpired)
    assert desk.places("a") == []
    assert desk.redis.zcard("rerankq:deadlines") == 0
    if lease:
        assert desk.succeed(lease) is False
    of_jobs = [each for each in told if each.name.startswith("job.")]
    assert of_jobs == [events.JobExpired(job=JobRef("a", Lane.BULK, batch_id=batch_id))]


def test_a_job_past_its_deadline_is_not_claimed(desk: LedgerDesk) -> None:
    """A job past its deadline is not claimed, even before a sweep, so no call is paid for it."""
    desk.submit(job("a", deadline_seconds=60), job("b"))
    pass_deadline(desk, "a")
    assert ids(desk.claim("a", "b")) == ["b"]
    desk.sweep()
    assert desk.state("a") is JobState.EXPIRED


def test_a_result_past_the_deadline_is_too_late(desk: LedgerDesk) -> None:
    """The deadline decides, even if no sweep has run since."""
    told = heard(desk.events)
    lease = desk.claimed("a", deadline_seconds=60)
    pass_deadline(desk, "a")
    assert [desk.succeed(lease) for _ in range(2)] == [False, False]
    desk.sweep()
    assert told == [events.JobExpired(job=JobRef("a"))]
    assert desk.state("a") is JobState.EXPIRED
    assert isinstance(desk.end("a"), JobExpired)
    assert desk.places("a") == []


def test_a_scheduled_job_grows_no_older_before_its_time(desk: LedgerDesk) -> None:
    """A job's waiting time is counted from when it could first run."""
    desk.submit(job("a", not_before=desk.now_ms() / 1000 + 60))
    hour = 3_600_000
    submitted = desk.record("a")["submitted"] - hour
    desk.alter_record("a", submitted=submitted, not_before=str(desk.now_ms()))
    desk.redis.zadd("rerankq:bulk:scheduled", {"a": desk.now_ms()})
    assert desk.sweep() == ["a"]
    (lease,) = desk.claim("a")
    assert lease.waited_seconds < 60


def pass_deadline(desk: LedgerDesk, job_id: str) -> None:
    """Let the job's deadline have passed a moment ago."""
    before = desk.now_ms() - 1
    desk.alter_record(job_id, deadline=before)
    desk.redis.zadd("rerankq:deadlines", {job_id: before})


def test_a_future_deadline_ends_nothing(desk: LedgerDesk) -> None:
    """A job with time left is not touched, and leaves no trace among the deadlines at its end."""
    lease = desk.claimed("a", deadline_seconds=60)
    desk.sweep()
    assert desk.state("a") is JobState.RUNNING
    desk.succeed(lease)
    assert desk.redis.zcard("rerankq:deadlines") == 0


def test_a_wait_for_cheap_hours_is_no_time_of_failing(desk: LedgerDesk) -> None:
    """What fails after it begins anew: a job is not given up because it waited for hours."""

    def past_after(code: str) -> Past:
        (lease,) = desk.claim("a")
        desk.run(desk.leases().postpone([Postponement(lease, 1, 0, Failure(code, "why"))]))
        desk.sweep()
        desk.alter_record("a", failure=_an_hour_ago(desk))
        (lease,) = desk.claim("a")
        desk.run(desk.leases().postpone([Postponement(lease, 1, 0)]))
        desk.sweep()
        return lease.past

    desk.submit(job("a"))
    assert 3600 <= past_after("upstream_unavailable").failing_seconds < 3700
    assert 7200 <= past_after("upstream_unavailable").failing_seconds < 7300
    assert past_after("cheap_hours") == NO_PAST
    assert 3600 <= past_after("upstream_unavailable").failing_seconds < 3700


def _an_hour_ago(desk: LedgerDesk) -> dict[str, Any]:
    """The failure in a job's record, as if it had been an hour ago."""
    stored: Any = desk.redis.get(KEYS.job("a"))
    failure: dict[str, Any] = json.loads(stored)["failure"]
    for each in ("at", "since"):
        if each in failure:
            failure[each] -= 3_600_000
    return failure
