"""Lists of jobs in all states, and the timeline of one, by both clients."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.accounts.breakers import BreakerState
from rerankq.contract import BatchOptions, JobState, JobTimeline, Lane
from rerankq.errors import InvalidRequest, JobNotFound
from rerankq.history import unfinished
from rerankq.history.packing import Packing
from rerankq.ledger.failures import Failure
from rerankq.ledger.leases import Finish, Postponement
from rerankq.ledger.outcomes import success
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job, ranking

List = Callable[..., list[str]]


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger, with a worker of the bulk lane."""
    with LedgerDesk(redis_url) as made:
        made.redis.zadd("rerankq:workers", {"bulk.7@host.0a1b": made.now_ms()})
        yield made


def listed(redis_url: str, whose: str | None, **wanted: Any) -> list[str]:
    with RerankClient(redis_url) as client:
        return [each.id for each in client.for_tenant(whose).jobs(**wanted)]


def listed_async(redis_url: str, whose: str | None, **wanted: Any) -> list[str]:
    async def asked() -> list[str]:
        async with AsyncRerankClient(redis_url) as client:
            return [each.id async for each in client.for_tenant(whose).jobs(**wanted)]

    return asyncio.run(asked())


LISTS = pytest.mark.parametrize("jobs", [listed, listed_async], ids=["blocking", "async"])


def one_of_each(desk: LedgerDesk, prefix: str = "", **fields: Any) -> None:
    """A job in each state."""
    desk.claimed(f"{prefix}running", **fields)
    desk.submit(job(f"{prefix}queued", **fields), job(f"{prefix}second", **fields))
    desk.submit(job(f"{prefix}later", not_before=4e9, **fields))
    desk.submit(job(f"{prefix}gone", **fields))
    desk.cancel(f"{prefix}gone")


@LISTS
def test_jobs_are_listed_by_state(redis_url: str, desk: LedgerDesk, jobs: List) -> None:
    """What runs comes first, then what waits, in order, then what has ended."""
    one_of_each(desk)
    everything = ["running", "queued", "second", "later", "gone"]
    assert jobs(redis_url, None) == everything
    assert jobs(redis_url, None, state="waiting") == ["queued", "second", "later"]
    assert jobs(redis_url, None, state=["running", "cancelled"]) == ["running", "gone"]
    assert jobs(redis_url, None, state=JobState.SCHEDULED) == ["later"]
    assert jobs(redis_url, None, limit=2) == everything[:2]
    assert jobs(redis_url, None, lane="interactive") == []
    assert jobs(redis_url, None, job_id="later") == ["later"]
    throttled = Failure("upstream_throttled", "429", 429)
    postponed = Postponement(desk.claimed("again"), 0, 60.0, throttled)
    desk.run(desk.leases().postpone([postponed]))
    assert jobs(redis_url, None, reason="upstream_throttled") == ["again"]
    with pytest.raises(InvalidRequest, match="state"):
        jobs(redis_url, None, state="asleep")


@LISTS
def test_a_tenant_lists_its_own_jobs(redis_url: str, desk: LedgerDesk, jobs: List) -> None:
    """In no list, whatever it is filtered by, has a tenant a job of another or of the operator."""
    one_of_each(desk, "o-")
    one_of_each(desk, "a-", tenant="a")
    one_of_each(desk, "b-", tenant="b", custom_id="b's", lane=Lane.INTERACTIVE)
    desk.run(desk.batches.open(batch_id="of-b", tenant="b"))
    desk.submit(job("b-in-batch", tenant="b", batch_id="of-b"))
    own = ["a-running", "a-queued", "a-second", "a-later", "a-gone"]
    assert jobs(redis_url, "a") == own
    assert jobs(redis_url, None, tenant="a") == own
    assert jobs(redis_url, "a", custom_id="b's") == []
    assert jobs(redis_url, "a", batch_id="of-b") == []
    assert jobs(redis_url, "a", job_id="b-queued") == []
    assert jobs(redis_url, "a", job_id="o-gone") == []
    assert jobs(redis_url, "b", batch_id="of-b") == ["b-in-batch"]
    with pytest.raises(InvalidRequest, match="tenant"):
        jobs(redis_url, "a", tenant="b")


def test_held_jobs_are_listed_as_waiting(redis_url: str, desk: LedgerDesk) -> None:
    """Jobs that a pause holds back are listed, by their batch and without it, and say so."""
    desk.run(desk.batches.open(BatchOptions(metadata={"team": "x"}), batch_id="b"))
    desk.submit(*(job(name, batch_id="b", metadata={"k": name}) for name in "abc"))
    desk.run(desk.batches.pause("b"))
    desk.claim("a", "b", "c")
    with RerankClient(redis_url) as client:
        for wanted in ({"batch_id": "b"}, {"state": "scheduled"}):
            found = list(client.jobs(**wanted))  # type: ignore[arg-type]
            assert [(each.id, each.held) for each in found] == [(name, True) for name in "abc"]
        assert [each.id for each in client.jobs(metadata={"k": "b"})] == ["b"]


@pytest.mark.parametrize("not_before", [None, 4e9], ids=["queued", "due at one time"])
def test_pages_of_waiting_jobs_go_on_where_they_were(
    redis_url: str, desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch, not_before: float | None
) -> None:
    """Pages list each waiting job once, also when jobs before them leave and new ones come."""
    monkeypatch.setattr(unfinished, "_TOGETHER", 3)
    names = [f"j{at:02}" for at in range(20)]
    desk.submit(*(job(name, not_before=not_before) for name in names))
    seen: list[str] = []
    with RerankClient(redis_url) as client:
        after = None
        for number in range(30):
            page = client.job_page(state="waiting", after=after, limit=4)
            seen += [each.id for each in page.jobs]
            if page.next is None:
                break
            after = page.next
            desk.cancel(names[number])
            desk.submit(job(f"new-{number}", not_before=not_before))
        with pytest.raises(InvalidRequest, match="after"):
            client.job_page(after="no cursor")
    assert [each for each in seen if each.startswith("j")] == names
    assert len(seen) == len(set(seen))


def test_a_page_of_waiting_jobs_reads_a_bounded_part(
    redis_url: str, desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare job among very many is found over several pages, which may be empty."""
    monkeypatch.setattr(unfinished, "_TOGETHER", 5)
    monkeypatch.setattr(unfinished, "MOST_EXAMINED", 10)
    desk.submit(*(job(f"j{at}") for at in range(35)), job("rare", custom_id="x"))
    with RerankClient(redis_url) as client:
        first = client.job_page(custom_id="x")
        assert first.jobs == ()
        assert first.next is not None
        assert [each.id for each in client.jobs(custom_id="x")] == ["rare"]


def timeline(redis_url: str, job_id: str, tenant: str | None = None) -> JobTimeline:
    with RerankClient(redis_url) as client:
        return client.for_tenant(tenant).timeline(job_id)


def test_a_timeline_tells_what_happened(redis_url: str, desk: LedgerDesk) -> None:
    """It has each attempt with its reason and the upstream's id, from acceptance to the end."""
    lease = desk.claimed("a")
    failures = [
        Failure("upstream_throttled", "429", 429, request_id="r1"),
        Failure("upstream_unavailable", "503", 503, request_id="r2"),
    ]
    for used, failure in enumerate(failures):
        again = Postponement(lease, used, 0.0, failure)
        desk.run(desk.leases().postpone([again]))
        desk.sweep()
        (lease,) = desk.claim("a")
    outcome = success(ranking("a").encode())
    finish = Finish(lease, 2, JobState.SUCCEEDED, outcome, call="120 345 200 r3")
    desk.run(desk.leases().finish([finish]))
    expected = [
        ("submitted", None, None, None),
        ("waited", "upstream_throttled", 429, "r1"),
        ("attempt_failed", "upstream_unavailable", 503, "r2"),
        ("claimed", None, None, None),
        ("succeeded", None, 200, "r3"),
    ]

    def steps(told: JobTimeline) -> list[tuple[Any, ...]]:
        times = [each.at for each in told.steps]
        assert times == sorted(each for each in times if each is not None)
        return [(each.what, each.reason, each.status, each.request_id) for each in told.steps]

    told = timeline(redis_url, "a")
    assert steps(told) == expected
    assert (told.has_result, told.is_forgotten) == (True, False)
    desk.run(Packing(desk.store, ttl_seconds=60, most_bytes=10**6).tick())
    desk.redis.delete(KEYS.job("a"), KEYS.result("a"))
    told = timeline(redis_url, "a")
    assert steps(told) == expected
    assert (told.has_result, told.is_forgotten) == (False, True)
    with pytest.raises(JobNotFound):
        timeline(redis_url, "a", "a-tenant")
    with pytest.raises(JobNotFound):
        timeline(redis_url, "never")


def test_a_timeline_tells_what_a_job_waits_for(redis_url: str, desk: LedgerDesk) -> None:
    """A waiting job has the reasons, and a time at which its call may begin; a dead one says so."""
    desk.submit(*(job(name) for name in "abc"), job("later", not_before=4e9))
    told = timeline(redis_url, "c")
    assert [each.code for each in told.waits] == ["behind"]
    assert told.expected_at is not None
    assert abs(told.expected_at - desk.now_ms() / 1000) < 60
    assert timeline(redis_url, "later").expected_at == 4e9
    (lease,) = desk.claim("a")
    assert timeline(redis_url, "a").waits == ()
    desk.fail(lease)
    told = timeline(redis_url, "a")
    assert told.has_dead_letter
    assert told.steps[-1].reason == "upstream_refused"
    desk.redis.delete("rerankq:workers")
    told = timeline(redis_url, "b")
    assert told.waits[0].code == "no_worker"
    assert told.expected_at is None


def test_a_timeline_does_not_guess_when_an_operator_resumes(
    redis_url: str, desk: LedgerDesk
) -> None:
    """While the only account is paused there is no time at which a call is expected."""
    desk.submit(job("a"), job("later", not_before=4e9))
    desk.exchange(account="host", want=1)
    desk.trip("account host", state=BreakerState.PAUSED)
    desk.exchange(account="host", want=1)
    told = timeline(redis_url, "a")
    assert told.waits[0].code == "breaker_open"
    assert told.expected_at is None
    assert timeline(redis_url, "later").expected_at == 4e9
