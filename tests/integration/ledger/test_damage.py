"""Records that are gone or damaged do not affect other jobs."""

from collections.abc import Callable

import pytest

from rerankq.contract import JobState, Lane
from rerankq.errors import InvalidRequest, JobNotFound
from rerankq.events import JobDamaged, JobRef
from rerankq.ledger.intake import Verdict
from rerankq.ledger.records import Outline
from running.heard import heard
from running.ledger_desk import LedgerDesk, ids, job


def gone(desk: LedgerDesk, name: str) -> None:
    """The record is deleted, as by an operator or an eviction."""
    desk.redis.delete(f"rerankq:job:{name}")


def no_lane(desk: LedgerDesk, name: str) -> None:
    """The record has lost its lane."""
    desk.redis.set(f"rerankq:job:{name}", '{"state":"queued"}')


def no_record(desk: LedgerDesk, name: str) -> None:
    """The record's key holds another type."""
    gone(desk, name)
    desk.redis.hset(f"rerankq:job:{name}", mapping={"state": "queued", "lane": "bulk"})


def no_json(desk: LedgerDesk, name: str) -> None:
    """The record cannot be read."""
    desk.redis.set(f"rerankq:job:{name}", '{"state":"queued","lane":')


def no_object(desk: LedgerDesk, name: str) -> None:
    """The record is JSON, but not a record."""
    desk.redis.set(f"rerankq:job:{name}", "7")


def no_such_state(desk: LedgerDesk, name: str) -> None:
    """The record has an unknown state."""
    desk.redis.set(f"rerankq:job:{name}", '{"state":"whatever","lane":"bulk"}')


def no_such_lane(desk: LedgerDesk, name: str) -> None:
    """The record has an unknown lane."""
    desk.redis.set(f"rerankq:job:{name}", '{"state":"queued","lane":"nowhere"}')


DAMAGE = pytest.mark.parametrize(
    "damage", [gone, no_lane, no_record, no_json, no_object, no_such_state, no_such_lane]
)
NONSENSE = pytest.mark.parametrize("nonsense", ['{"x":1}', '["x"]', "null", "true", "1e999"])
FIELDS = (
    *("submitted", "started", "finished", "due", "not_before", "deadline", "attempts", "claims"),
    *("away", "lapsed", "worker", "request", "bytes", "custom", "batch", "idempotency", "reason"),
    "a_field_of_a_later_version",
)
Damage = Callable[[LedgerDesk, str], None]


@DAMAGE
@pytest.mark.parametrize("state", ["scheduled", "running", "queued"])
def test_damaged_job_leaves_its_lane(desk: LedgerDesk, damage: Damage, state: str) -> None:
    """A sweep takes a damaged job out of every set, writes no record for it, and reports it."""
    desk.submit(job("damaged", deadline_seconds=60), job("sound"))
    desk.redis.zrem("rerankq:bulk:queued", "damaged")
    desk.redis.zadd(f"rerankq:bulk:{state}", {"damaged": 0})
    desk.redis.zadd("rerankq:deadlines", {"damaged": 1})
    damage(desk, "damaged")
    desk.end_lease_grace()
    told = heard(desk.events)
    assert desk.sweep() == []
    assert told == [JobDamaged(job=JobRef("damaged", Lane.BULK))]
    assert desk.places("damaged") == []
    assert not desk.redis.exists("rerankq:job:damaged")
    assert desk.redis.zscore("rerankq:deadlines", "damaged") is None
    assert 0 < desk.redis.pttl("rerankq:payload:damaged") <= 60_000
    assert ids(desk.claim("damaged", "sound")) == ["sound"]


def test_end_of_a_job_leaves_a_key_of_another_alone(desk: LedgerDesk) -> None:
    """When another job has an expired idempotency key, the first job's end does not expire it."""
    lease = desk.claimed("first", idempotency_key="k")
    desk.redis.delete("rerankq:idempotency:k")
    desk.submit(job("second", idempotency_key="k"))
    assert desk.succeed(lease)
    assert desk.redis.pttl("rerankq:idempotency:k") == -1


def test_key_of_another_type_belongs_to_no_job(desk: LedgerDesk) -> None:
    """When an idempotency key holds another type, the next job overwrites it."""
    desk.redis.set("rerankq:idempotency:k", "of another type")
    assert desk.submit(job("a", idempotency_key="k"))[0].job_id == "a"
    assert desk.submit(job("b", idempotency_key="k"))[0].job_id == "a"


def test_key_of_a_sound_job_stays(desk: LedgerDesk) -> None:
    """A key that belongs to another job, or whose job was only in a wrong set, does not expire."""
    desk.submit(job("damaged", idempotency_key="taken over"), job("sound", idempotency_key="own"))
    gone(desk, "damaged")
    desk.submit(job("later", idempotency_key="taken over"))
    for name in ("damaged", "sound"):
        desk.redis.zadd("rerankq:bulk:scheduled", {name: 1})
    desk.sweep()
    assert desk.redis.pttl("rerankq:idempotency:taken over") == -1
    assert desk.redis.pttl("rerankq:idempotency:own") == -1


def test_end_that_was_cut_short_leaves_no_payload(desk: LedgerDesk) -> None:
    """When an ended job is still in its lane with its payload, both are removed in time."""
    desk.submit(job("a"))
    desk.alter_record("a", state="succeeded")
    desk.redis.zadd("rerankq:bulk:scheduled", {"a": 1})
    desk.sweep()
    assert 0 < desk.redis.pttl("rerankq:payload:a") <= 60_000


def test_id_that_never_was_a_job_leaves_the_lane(desk: LedgerDesk) -> None:
    """An id that something else put into a lane is no job, and does not become one."""
    desk.redis.zadd("rerankq:bulk:running", {"ghost": 1})
    desk.end_lease_grace()
    assert desk.sweep() == []
    assert desk.places("ghost") == []
    assert not desk.redis.exists("rerankq:job:ghost")


def test_ended_job_in_a_set_stays_ended(desk: LedgerDesk) -> None:
    """An ended job is not queued again, even if it is in a set of its lane."""
    desk.succeed(desk.claimed("a"))
    desk.redis.zadd("rerankq:bulk:scheduled", {"a": 1})
    assert desk.sweep() == []
    assert desk.places("a") == []
    assert desk.state("a") == "succeeded"


@DAMAGE
def test_claim_passes_a_damaged_job_by(desk: LedgerDesk, damage: Damage) -> None:
    """The other jobs of a hint that names a damaged job are still claimed."""
    desk.submit(job("before"), job("damaged"), job("behind"))
    damage(desk, "damaged")
    assert ids(desk.claim("before", "damaged", "behind")) == ["before", "behind"]


@DAMAGE
def test_work_on_a_damaged_job_is_lost_alone(desk: LedgerDesk, damage: Damage) -> None:
    """Renewals, ends and postponements work for the jobs that come with a damaged one."""
    sound, damaged = desk.claimed("sound"), desk.claimed("damaged")
    damage(desk, "damaged")
    assert desk.renew(damaged, sound) == {"damaged"}
    assert not desk.postpone(damaged, 0)
    assert not desk.succeed(damaged)
    assert desk.succeed(sound)


def test_ended_job_does_not_expire(desk: LedgerDesk) -> None:
    """A left-over deadline changes no end."""
    desk.succeed(desk.claimed("a"))
    desk.redis.zadd("rerankq:deadlines", {"a": 1})
    desk.sweep()
    assert desk.state("a") == "succeeded"
    assert desk.redis.zcard("rerankq:deadlines") == 0


def test_record_without_a_lane_is_no_job(desk: LedgerDesk) -> None:
    """A job with a damaged record is JobNotFound for a reader."""
    no_lane(desk, "damaged")
    with pytest.raises(JobNotFound):
        desk.status("damaged")
    (outline,) = desk.run(desk.records.outlines(["damaged"]))
    assert outline is not None
    assert outline.attempts == 0


@pytest.mark.parametrize("damage", [no_record, no_json, no_object, no_such_state])
def test_a_record_of_another_type_is_no_job(desk: LedgerDesk, damage: Damage) -> None:
    """A record's key of another type is no job; the other jobs of a page are read."""
    for name in ("before", "damaged", "behind"):
        desk.succeed(desk.claimed(name))
    desk.redis.delete("rerankq:job:damaged", "celery-task-meta-damaged")
    damage(desk, "damaged")
    with pytest.raises(JobNotFound):
        desk.status("damaged")
    names = ["before", "damaged", "behind"]
    ends = desk.run(desk.records.ends(names))
    assert [(name, isinstance(end, JobNotFound)) for name, end in ends] == [
        ("before", False),
        ("damaged", True),
        ("behind", False),
    ]
    outlines = desk.run(desk.records.outlines(names))
    assert [outline is None for outline in outlines] == [False, True, False]


@DAMAGE
def test_damaged_job_cannot_be_cancelled(desk: LedgerDesk, damage: Damage) -> None:
    """Cancelling a damaged job raises JobNotFound."""
    desk.submit(job("damaged"))
    damage(desk, "damaged")
    with pytest.raises(JobNotFound):
        desk.cancel("damaged")


def fill(desk: LedgerDesk, name: str, nonsense: str) -> None:
    """Every field but state and lane holds a wrong value."""
    record = desk.record(name)
    fields = "".join(f',"{field}":{nonsense}' for field in FIELDS)
    head = f'{{"state":"{record["state"]}","lane":"bulk"'
    desk.redis.set(f"rerankq:job:{name}", head + fields + "}")


@NONSENSE
@pytest.mark.parametrize("state", ["scheduled", "running", "queued"])
def test_nonsense_in_a_record_stops_no_tick(desk: LedgerDesk, nonsense: str, state: str) -> None:
    """A job with damaged fields is moved like the others, and does not hold them up."""
    names = ["before", "damaged", "behind"]
    for name in names:
        lease = desk.claimed(name)
        if state != "running":
            desk.postpone(lease, 0)
    if state == "queued":
        assert sorted(desk.sweep()) == sorted(names)
    fill(desk, "damaged", nonsense)
    for name in names:
        desk.redis.zadd(
            "rerankq:deadlines" if state == "queued" else f"rerankq:bulk:{state}", {name: 1}
        )
    desk.end_lease_grace()
    moved = desk.sweep()
    if state == "queued":
        assert moved == []
        assert [desk.record(name)["state"] for name in names] == ["expired"] * 3
        assert [desk.has_payload(name) for name in names] == [False] * 3
    else:
        assert sorted(moved) == sorted(names)
        assert [desk.places(name) for name in names] == [["bulk:queued"]] * 3


@NONSENSE
def test_nonsense_in_a_record_affects_no_other_job(desk: LedgerDesk, nonsense: str) -> None:
    """Such a job can be claimed, cancelled and read without harm to other jobs."""
    desk.submit(job("sound"), job("damaged"))
    fill(desk, "damaged", nonsense)
    damaged, sound = desk.claim("damaged", "sound")
    assert desk.renew(damaged, sound) == set()
    fill(desk, "damaged", nonsense)
    assert desk.renew(damaged, sound) == {"damaged"}
    with pytest.raises(JobNotFound):
        desk.status("damaged")
    (outline,) = desk.run(desk.records.outlines(["damaged"]))
    # A record with a number that Python cannot read is damaged.
    assert outline in (Outline(JobState.RUNNING, 0, None), None)
    assert desk.cancel("damaged") is JobState.RUNNING
    assert desk.succeed(sound)


@pytest.mark.parametrize(
    "stored",
    [
        "no json",
        "7",
        "[]",
        "{}",
        '{"status":"FAILURE","result":"x"}',
        '{"status":"FAILURE","result":{"exc_type":[],"exc_message":["a","b"]}}',
        '{"status":"FAILURE","result":{"exc_type":"JobFailed","exc_message":[]}}',
        '{"status":"SUCCESS","result":7}',
    ],
)
def test_a_wrong_result_is_an_error_of_its_own_job(desk: LedgerDesk, stored: str) -> None:
    """A result's key of another type is an error of that job; the others of a page are read."""
    for name in ("before", "damaged", "behind"):
        desk.succeed(desk.claimed(name))
    desk.redis.set("celery-task-meta-damaged", stored)
    ends = desk.run(desk.records.ends(["before", "damaged", "behind"]))
    assert [(name, isinstance(end, InvalidRequest)) for name, end in ends] == [
        ("before", False),
        ("damaged", True),
        ("behind", False),
    ]
    assert desk.status("damaged").error is None


def test_jobs_end_even_if_the_key_of_their_batch_is_damaged(desk: LedgerDesk) -> None:
    """Jobs end even if the key of their batch holds another type."""
    batches = [desk.run(desk.batches.open()) for _ in range(2)]
    for name, batch in zip("ab", batches, strict=True):
        desk.submit(job(name, batch_id=batch, deadline_seconds=60))
    desk.redis.set(f"rerankq:batch:{batches[0]}", "no hash")
    desk.redis.hset(f"rerankq:batch:{batches[1]}", "expired", "no number")
    desk.redis.zadd("rerankq:deadlines", {"a": 1, "b": 1})
    assert desk.sweep() == []
    assert [desk.record(name)["state"] for name in "ab"] == ["expired"] * 2
    assert [desk.has_payload(name) for name in "ab"] == [False] * 2
    (admission,) = desk.submit(job("c", batch_id=batches[0]))
    assert admission.verdict is Verdict.NO_BATCH
