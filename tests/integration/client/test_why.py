"""Why a job has not ended."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.contract import WaitReason
from rerankq.errors import JobNotFound
from rerankq.ledger.failures import Failure
from rerankq.ledger.leases import Postponement
from running.ledger_desk import LedgerDesk, job

Ask = Callable[[str, str | None], tuple[WaitReason, ...]]


def why(redis_url: str, job_id: str | None) -> tuple[WaitReason, ...]:
    with RerankClient(redis_url) as client:
        return client.why(job_id)


def why_async(redis_url: str, job_id: str | None) -> tuple[WaitReason, ...]:
    async def asked() -> tuple[WaitReason, ...]:
        async with AsyncRerankClient(redis_url) as client:
            return await client.why(job_id)

    return asyncio.run(asked())


ASKED = pytest.mark.parametrize("why", [why, why_async], ids=["blocking", "async"])


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger, with a worker of the bulk lane."""
    with LedgerDesk(redis_url) as made:
        made.redis.zadd("rerankq:workers", {"bulk.7@host.0a1b": made.now_ms()})
        yield made


def codes(found: tuple[WaitReason, ...]) -> list[str]:
    return [each.code for each in found]


@ASKED
def test_a_queued_job_waits_for_those_before_it(redis_url: str, desk: LedgerDesk, why: Ask) -> None:
    """It is told how many these are; the first waits for nobody, and a running job for nothing."""
    desk.submit(*(job(name) for name in "abc"))
    assert why(redis_url, "a") == ()
    (reason,) = why(redis_url, "c")
    assert (reason.code, reason.jobs_ahead) == ("behind", 2)
    (lease,) = desk.claim("c")
    assert why(redis_url, "c") == ()
    desk.succeed(lease)
    assert why(redis_url, "c") == ()
    with pytest.raises(JobNotFound):
        why(redis_url, "never")


@ASKED
def test_a_lane_without_a_worker_is_told(redis_url: str, desk: LedgerDesk, why: Ask) -> None:
    """Also when workers serve the other lane, or have been silent for a while."""
    desk.submit(job("quick", lane="interactive"), job("slow"))
    (reason,) = why(redis_url, "quick")
    assert (reason.code, "the lane interactive" in reason.message) == ("no_worker", True)
    assert why(redis_url, "slow") == ()
    desk.silence("bulk.7@host.0a1b", 11)
    assert codes(why(redis_url, "slow")) == ["no_worker"]


def test_a_job_that_is_to_run_later_says_when(redis_url: str, desk: LedgerDesk) -> None:
    """Its own time is the one reason: nothing else would let it run."""
    later = desk.now_ms() // 1000 + 3600
    desk.submit(job("later", not_before=float(later), lane="interactive"))
    (reason,) = why(redis_url, "later")
    assert (reason.code, reason.until) == ("not_before", float(later))


def test_a_job_that_failed_says_when_it_is_tried_again(redis_url: str, desk: LedgerDesk) -> None:
    """With its last failure, and after what keeps every job from going on."""
    lease = desk.claimed("tried")
    failure = Failure("upstream_unavailable", "the upstream answered 503", 503)
    assert desk.run(desk.leases().postpone([Postponement(lease, 1, 30.0, failure)])) == [True]
    desk.exchange(account="host", trouble=10.0)
    outage, reason = why(redis_url, "tried")
    assert (outage.code, outage.account) == ("breaker_open", "host")
    assert reason.code == "retry"
    assert "the upstream answered 503" in reason.message
    assert reason.until == pytest.approx(desk.now_ms() / 1000 + 30, abs=10)
    assert why(redis_url, None) == (outage,)


def test_a_tenant_is_told_of_its_quotas_and_its_share(redis_url: str, desk: LedgerDesk) -> None:
    """A job waits while its tenant runs all it may, and takes turns with others' jobs."""
    fields = {"tenant": "mine"}
    desk.submit(*(job(name, **fields) for name in "abc"), job("z", tenant="other"))
    waits = why(redis_url, "c")
    assert codes(waits) == ["quota", "behind"]
    assert "another tenant waits" in waits[0].message
    # Those of its own tenant, not all of the lane.
    assert waits[1].jobs_ahead == 2
    desk.cancel("z")
    assert codes(why(redis_url, "b")) == ["behind"]
    with RerankClient(redis_url) as client:
        client.tenants.set("mine", in_flight=1)
        assert codes(why(redis_url, "a")) == []
        desk.claim("a")
        (quota,) = why(redis_url, "b")
        assert (quota.code, "its quota in-flight" in quota.message) == ("quota", True)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"queued": 1}, "its quota queued"),
        ({"jobs_a_day": 1}, "its quota jobs-a-day"),
        ({"jobs_a_day": 1, "disabled": True}, "rerankq tenant set mine --enable"),
    ],
)
def test_a_batch_that_cannot_be_filled_says_which_quota(
    redis_url: str, desk: LedgerDesk, limits: dict[str, Any], told: str
) -> None:
    """A batch whose tenant may submit no more says so, until it is sealed."""
    assert desk.now_ms()
    with RerankClient(redis_url) as client:
        mine = client.for_tenant("mine")
        with mine.batch() as batch:
            batch.add(query="q", documents=["a"])
            client.tenants.set("mine", **limits)
            (quota,) = batch.status(why=True).waits
            assert (quota.code, told in quota.message) == ("quota", True)
            assert (quota.until is not None) == (told == "its quota jobs-a-day")
            client.tenants.set("mine")
            assert batch.status(why=True).waits == ()
