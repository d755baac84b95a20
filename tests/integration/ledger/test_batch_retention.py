"""How long results are kept: those of a batch until they were collected."""

import pytest

from rerankq.contract import JobState
from rerankq.ledger.batches import KEPT_SECONDS, ExistingJob
from running.keys import KEYS
from running.ledger_desk import LONG, LedgerDesk, job


def left(desk: LedgerDesk, job_id: str) -> tuple[float, float]:
    """Seconds for which a job's result and record are kept from now on."""
    result, record = (desk.redis.pttl(key(job_id)) for key in (KEYS.result, KEYS.job))
    return result / 1000, record / 1000


def ended(desk: LedgerDesk, name: str, how: JobState, batch: str | None) -> None:
    if how is JobState.EXPIRED:
        desk.submit(job(name, batch_id=batch, deadline_seconds=0.01))
        while desk.state(name) is not JobState.EXPIRED:
            desk.sweep()
        return
    lease = desk.claimed(name, batch_id=batch)
    if how is JobState.SUCCEEDED:
        assert desk.succeed(lease)
    elif how is JobState.FAILED:
        assert desk.fail(lease)
    else:
        desk.cancel(name)


@pytest.mark.parametrize("how", [each for each in JobState if each.ended])
def test_an_end_waits_for_its_batch_to_be_collected(desk: LedgerDesk, how: JobState) -> None:
    """Results of a batch are kept as long as the batch; once collected, as any others."""
    batch = desk.run(desk.batches.open())
    ended(desk, "lone", how, None)
    ended(desk, "a", how, batch)
    assert left(desk, "lone")[0] <= LONG
    result, record = left(desk, "a")
    assert KEPT_SECONDS - LONG < result <= KEPT_SECONDS < record
    for _ in range(2):
        desk.run(desk.batches.collected(batch, ["a", "lone", "gone"]))
    result, record = left(desk, "a")
    assert LONG / 2 < result <= LONG < record <= 2 * LONG


def test_an_earlier_job_waits_for_the_batch_that_took_it_in(desk: LedgerDesk) -> None:
    """The result of a job that was accepted earlier is kept as long as the batch that has it."""
    first, second = (desk.run(desk.batches.open()) for _ in range(2))
    desk.submit(job("open"))
    for name, batch in (("lone", None), ("other", first)):
        ended(desk, name, JobState.SUCCEEDED, batch)
    for line, name in enumerate(("open", "lone", "other")):
        desk.run(desk.batches.adopt(second, ExistingJob(job_id=name, line=line)))
    desk.succeed(desk.claim("open")[0])
    # What one batch has collected, the other still waits for.
    desk.run(desk.batches.collected(first, ["other"]))
    for name in ("open", "lone", "other"):
        assert left(desk, name)[0] > KEPT_SECONDS - LONG, name
    desk.run(desk.batches.collected(second, ["open", "lone", "other"]))
    for name in ("open", "lone", "other"):
        assert left(desk, name)[0] <= LONG, name


def test_a_batch_that_is_gone_keeps_nothing(desk: LedgerDesk) -> None:
    """A result never outlives its batch by more than its own retention."""
    batch = desk.run(desk.batches.open())
    lease = desk.claimed("a", batch_id=batch)
    desk.redis.delete(f"rerankq:batch:{batch}")
    desk.succeed(lease)
    assert left(desk, "a")[0] <= LONG
    desk.run(desk.batches.collected(batch, ["a"]))
    assert not desk.redis.exists(f"rerankq:batch:{batch}")


@pytest.mark.parametrize("how", [JobState.SUCCEEDED, JobState.CANCELLED])
def test_a_job_may_have_a_retention_of_its_own(desk: LedgerDesk, how: JobState) -> None:
    """Its result is kept for the job's own time, and its record for twice that."""
    lease = desk.claimed("a")
    desk.alter_record("a", keep=10_000)
    if how is JobState.SUCCEEDED:
        assert desk.succeed(lease)
    else:
        desk.cancel("a")
    result, record = left(desk, "a")
    assert 5 < result <= 10 < record <= 20
