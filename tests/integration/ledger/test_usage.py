"""What calls have used is counted once, whatever becomes of jobs, workers and answers."""

from datetime import date

import pytest

from rerankq.contract import JobState
from rerankq.errors import JobFailed
from rerankq.ledger import outcomes
from rerankq.ledger.checkpoints import Checkpoints
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq.ledger.ownership import Ownership
from rerankq.ledger.usage import CallUsage, StoredUsage, Usage
from rerankq.ledger.usage_readings import UsageReadings
from running.ledger_desk import LedgerDesk, job, ranking

CALL = Usage(jobs=1, calls=1, pairs=2, estimated_tokens=40)
LATE = Usage(calls=1, retries=1, uncertain_tokens=40)
SHORT = 0.2


def used(usage: Usage, key: str = "k1", model: str = "m") -> tuple[CallUsage, ...]:
    """What a worker tells of a job."""
    return (CallUsage("site", key, model, usage),)


def end(lease: Lease, usage: Usage = CALL) -> Finish:
    """The end of a job with a ranking."""
    told = outcomes.success(ranking(lease.job_id).encode())
    return Finish(lease, 1, JobState.SUCCEEDED, told, usage=used(usage))


def finished(desk: LedgerDesk, *ends: Finish, leases: Leases | None = None) -> list[bool]:
    """Write ends."""
    return desk.run((leases or desk.leases()).finish(ends))


def today(desk: LedgerDesk) -> date:
    """The day in UTC."""
    return desk.run(UsageReadings(desk.store, Ownership(desk.store, None)).today())


def stored(desk: LedgerDesk, tenant: str | None = None) -> list[StoredUsage]:
    """The rows of today."""
    readings = UsageReadings(desk.store, Ownership(desk.store, tenant))
    (found,) = desk.run(readings.days(today(desk), today(desk)))
    return sorted(found.rows)


def total(desk: LedgerDesk) -> Usage:
    """The sum of all rows of today."""
    found = Usage()
    for row in stored(desk):
        found = found.plus(row.usage)
    return found


def lost(desk: LedgerDesk, job_id: str, **fields: object) -> Lease:
    """A job whose worker has died with it, and that was queued again."""
    lease = desk.claimed(job_id, lease_seconds=SHORT, **fields)
    desk.let_run_out(job_id)
    desk.end_lease_grace()
    assert desk.sweep(lease_seconds=SHORT) == [job_id]
    return lease


def test_an_end_counts_once(desk: LedgerDesk) -> None:
    """However often the end of a job is sent, one by one or with others, its call counts once."""
    leases = [desk.claimed(name, tenant="t") for name in "abcde"]
    ends = [end(each) for each in leases]
    assert finished(desk, *ends) == [True] * 5
    assert finished(desk, *ends) == [False] * 5
    assert finished(desk, ends[0]) == [False]
    five = Usage(*(5 * each for each in CALL))
    assert stored(desk) == [StoredUsage("t", "site", "k1", "m", five)]


def test_a_postponement_counts_once(desk: LedgerDesk) -> None:
    """A call without a ranking counts with the postponement, and is told of its job."""
    lease = desk.claimed("a")
    back = Postponement(lease, 1, 0.0, usage=used(LATE))
    assert desk.run(desk.leases().postpone([back])) == [True]
    assert desk.run(desk.leases().postpone([back])) == [False]
    assert total(desk) == LATE
    assert desk.record("a")["retries"] == 1
    desk.sweep()
    (again,) = desk.claim("a")
    finished(desk, end(again))
    assert total(desk) == LATE.plus(CALL)
    assert desk.record("a")["retries"] == 1


def test_rows_are_apart(desk: LedgerDesk) -> None:
    """Tenants, keys and models have rows of their own, and a tenant reads only its own."""
    a, b, c = (desk.claimed(*each) for each in (("a",), ("b",), ("c",)))
    own = desk.claimed("d", tenant="t")
    told = outcomes.success(ranking("x").encode())
    finished(
        desk,
        end(a),
        Finish(b, 1, JobState.SUCCEEDED, told, usage=used(CALL, key="k2")),
        Finish(c, 1, JobState.SUCCEEDED, told, usage=used(CALL, model="another model")),
        end(own),
    )
    assert [each[:4] for each in stored(desk)] == [
        ("", "site", "k1", "another model"),
        ("", "site", "k1", "m"),
        ("", "site", "k2", "m"),
        ("t", "site", "k1", "m"),
    ]
    assert [each.tenant for each in stored(desk, tenant="t")] == ["t"]


def test_one_job_may_use_several_keys(desk: LedgerDesk) -> None:
    """The calls of a large job count for the key that each was made with."""
    lease = desk.claimed("a")
    told = outcomes.success(ranking("a").encode())
    other = CallUsage("elsewhere", "k2", "m", Usage(calls=2, reused_pairs=7))
    usage = (*used(CALL), other)
    finished(desk, Finish(lease, 1, JobState.SUCCEEDED, told, usage=usage))
    assert stored(desk) == [
        StoredUsage("", "elsewhere", "k2", "m", Usage(calls=2, reused_pairs=7)),
        StoredUsage("", "site", "k1", "m", CALL),
    ]


def test_a_dead_workers_call_is_uncertain(desk: LedgerDesk) -> None:
    """When a lease runs out, one call may have been made; by the next worker none is forgotten."""
    lost(desk, "a", tenant="t")
    (doubt,) = stored(desk)
    assert doubt[:4] == ("t", "", "", "")
    assert doubt.usage.uncertain_calls == 1
    assert doubt.usage.uncertain_tokens > 0
    (again,) = desk.claim("a", worker="other")
    assert finished(desk, end(again), leases=desk.leases("other")) == [True]
    assert total(desk)[:4] == (1, 1, 0, 1)


@pytest.mark.parametrize("how", ["finish", "postpone", "renew"])
def test_a_worker_that_comes_back_dispels_the_doubt(desk: LedgerDesk, how: str) -> None:
    """A worker that still holds the job tells of its call: then nothing is uncertain, once."""
    lease = lost(desk, "a")
    assert total(desk).uncertain_calls == 1
    for _ in range(2):
        if how == "finish":
            finished(desk, end(lease))
        elif how == "postpone":
            desk.run(desk.leases().postpone([Postponement(lease, 0, 0.0, usage=used(LATE))]))
        else:
            desk.renew(lease)
    assert total(desk) == {"finish": CALL, "postpone": LATE, "renew": Usage()}[how]


def test_a_late_end_of_another_lease_counts_nothing(desk: LedgerDesk) -> None:
    """The call of a worker that lost its job stays uncertain: it was counted as that already."""
    first = lost(desk, "a")
    (second,) = desk.claim("a", worker="other")
    assert finished(desk, end(first)) == [False]
    assert finished(desk, end(second), leases=desk.leases("other")) == [True]
    assert total(desk) == CALL.plus(Usage(uncertain_calls=1))


@pytest.mark.parametrize("told", [False, True])
def test_a_cancelled_jobs_call_is_uncertain_until_it_is_told(
    desk: LedgerDesk, *, told: bool
) -> None:
    """When a running job is cancelled, its call may be paid for; its worker may still say so."""
    lease = desk.claimed("a")
    desk.cancel("a")
    assert total(desk) == Usage(uncertain_calls=1)
    if told:
        assert [finished(desk, end(lease)) for _ in range(2)] == [[False], [False]]
    assert total(desk) == (CALL if told else Usage(uncertain_calls=1))
    assert desk.state("a") is JobState.CANCELLED


def test_a_job_past_its_deadline_counts_its_call(desk: LedgerDesk) -> None:
    """A result that came too late is not kept, but its call was made."""
    lease = desk.claimed("a", deadline_seconds=60)
    desk.alter_record("a", deadline=1)
    assert finished(desk, end(lease)) == [False]
    assert desk.state("a") is JobState.EXPIRED
    assert total(desk) == CALL


def test_jobs_that_wait_are_not_uncertain(desk: LedgerDesk) -> None:
    """A job that no worker has can be cancelled without a doubt about its calls."""
    desk.submit(job("a"))
    desk.cancel("a")
    assert stored(desk) == []


def test_a_call_that_was_broken_off_is_uncertain(desk: LedgerDesk) -> None:
    """A worker that shuts down gives a job back in the middle of its call."""
    lease = desk.claimed("a")
    back = Postponement(lease, 0, 0.0, in_doubt=True)
    assert [desk.run(desk.leases().postpone([back])) for _ in range(2)] == [[True], [False]]
    assert total(desk) == Usage(uncertain_calls=1)
    faulty = desk.claimed("b")
    failure = outcomes.failure(JobFailed("internal_error", "no"))
    finished(desk, Finish(faulty, 1, JobState.FAILED, failure, "internal_error", in_doubt=True))
    assert total(desk) == Usage(uncertain_calls=2)


def test_a_batch_has_counts_of_its_own(desk: LedgerDesk) -> None:
    """What the calls of a batch have used is with the batch, also when days are over."""
    batch = desk.run(desk.batches.open())
    leases = [desk.claimed(name, batch_id=batch) for name in "ab"]
    finished(desk, *map(end, leases))
    desk.redis.delete(f"rerankq:usage:{today(desk)}")
    readings = UsageReadings(desk.store, Ownership(desk.store, None))
    (found,) = desk.run(readings.batches(today(desk), today(desk)))
    assert found.batch == batch
    assert [*found.rows] == [StoredUsage("", "site", "k1", "m", CALL.plus(CALL))]
    assert desk.run(desk.batches.status(batch)).succeeded == 2


def test_counts_are_kept_for_so_many_days(desk: LedgerDesk) -> None:
    """The counts of a day expire after the retention; those that a client begins, in 400 days."""
    key = f"rerankq:usage:{today(desk)}"
    desk.claimed("a")
    desk.cancel("a")
    assert 399 < desk.redis.ttl(key) / 86_400 <= 400
    finished(desk, end(desk.claimed("b")))
    assert 400 <= desk.redis.ttl(key) / 86_400 < 401


def test_rows_are_bounded(desk: LedgerDesk) -> None:
    """When a day has very many rows, new ones share one for their tenant, and then one for all."""
    key = f"rerankq:usage:{today(desk)}"
    desk.redis.hset(key, mapping={f" site k m{each}": "1" for each in range(2000)})
    finished(desk, end(desk.claimed("a", tenant="t")), end(desk.claimed("b")))
    assert desk.redis.hget(key, "t * * *") == b"1 1 0 0 2 0 0 40"
    desk.redis.hset(key, mapping={f" site k n{each}": "1" for each in range(2000)})
    finished(desk, *(end(desk.claimed(each, tenant="u")) for each in ("c", "d")))
    finished(desk, end(desk.claimed("e", tenant="t")))
    assert desk.redis.hget(key, "* * * *") == b"2 2 0 0 4 0 0 80"
    assert desk.redis.hget(key, "t * * *") == b"2 2 0 0 4 0 0 80"


def test_damage_keeps_no_job_from_ending(desk: LedgerDesk) -> None:
    """A damaged row is counted anew; a key of another type is left alone."""
    key = f"rerankq:usage:{today(desk)}"
    desk.redis.hset(key, " site k1 m", "no number")
    assert finished(desk, end(desk.claimed("a"))) == [True]
    assert total(desk) == CALL
    desk.redis.hset(key, "a damaged row", "x")
    assert total(desk) == CALL
    desk.redis.set(key, "something else")
    assert finished(desk, end(desk.claimed("b"))) == [True]
    assert stored(desk) == []
    assert desk.redis.get(key) == b"something else"


def test_a_newer_version_may_count_more(desk: LedgerDesk) -> None:
    """Numbers behind those that are known are left as they are."""
    key = f"rerankq:usage:{today(desk)}"
    desk.redis.hset(key, " site k1 m", " ".join(["1"] * 14))
    finished(desk, end(desk.claimed("a")))
    assert desk.redis.hget(key, " site k1 m") == b"2 2 1 1 3 1 1 41 1 1 1 1 1 1"
    assert total(desk)[:2] == (2, 2)


def test_parts_of_a_large_job_count_when_they_are_kept(desk: LedgerDesk) -> None:
    """What each call of several has brought is kept and counted in one step, and once."""
    lease = desk.claimed("a")
    checkpoints = Checkpoints(desk.store)
    part = Usage(calls=1, pairs=2, estimated_tokens=40)
    retried = used(part.plus(Usage(calls=1, retries=1)))
    assert desk.run(checkpoints.begin(lease, 4)) == []
    for name, told in (("p", used(part)), ("p", used(part)), ("q", retried)):
        assert desk.run(checkpoints.keep(lease, name, b"scores", told))
    assert total(desk) == Usage(calls=3, retries=1, pairs=4, estimated_tokens=80)
    assert desk.record("a")["retries"] == 1
    finished(desk, end(lease, Usage(jobs=1)))
    assert total(desk) == Usage(jobs=1, calls=3, retries=1, pairs=4, estimated_tokens=80)
    assert not desk.run(checkpoints.keep(lease, "r", b"scores", used(part)))
    assert total(desk).calls == 3


def test_a_large_jobs_worker_may_have_made_several_calls(desk: LedgerDesk) -> None:
    """When it dies, as many calls are uncertain as it makes at once; when it comes back, none."""
    lease = desk.claimed("a", lease_seconds=SHORT)
    checkpoints = Checkpoints(desk.store)
    desk.run(checkpoints.begin(lease, 4))
    desk.run(checkpoints.keep(lease, "p", b"scores", used(CALL)))
    desk.let_run_out("a")
    desk.end_lease_grace()
    assert desk.sweep(lease_seconds=SHORT) == ["a"]
    assert total(desk) == CALL.plus(Usage(uncertain_calls=4))
    desk.renew(lease)
    assert total(desk) == CALL
    desk.cancel("a")
    assert total(desk) == CALL.plus(Usage(uncertain_calls=4))
