"""Tenants: each sees its own, is bounded by its quotas, and hears of no other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
from redis import Redis

from rerankq import AsyncBatch, AsyncJobHandle, AsyncRerankClient, RerankClient
from rerankq.contract import Job, JobState, RerankRequest
from rerankq.errors import (
    BatchNotFound,
    ClientClosed,
    IdempotencyConflict,
    InvalidRequest,
    JobNotFound,
    QueueFull,
    QuotaExceeded,
    SettingsError,
)
from running.stand_in_worker import StandInWorker

DRAFT: Final[dict[str, Any]] = {"query": "q", "documents": ["a", "b"]}


@pytest.fixture
def operator(redis_url: str) -> Iterator[RerankClient]:
    """The operator's client of an empty ledger."""
    with RerankClient(redis_url) as made:
        yield made


async def drained(answers: AsyncIterator[Any]) -> list[Any]:
    """All that a generator gives."""
    return [each async for each in answers]


async def offered(batch: AsyncBatch) -> None:
    """Raise what an offer to the batch is refused with."""
    _, wrong = await batch.offer([DRAFT])
    if wrong:
        raise wrong


async def raised(answers: AsyncIterator[tuple[str, Any]]) -> None:
    """Raise the end that a generator of ends gives."""
    async for _, end in answers:
        raise end


OF_A_JOB: Final[dict[str, Callable[[AsyncRerankClient, str], Awaitable[Any]]]] = {
    "get": lambda client, job: client.get(job),
    "status": lambda client, job: client.status(job),
    "why": lambda client, job: client.why(job),
    "cancel": lambda client, job: client.cancel(job),
    "end": lambda client, job: AsyncJobHandle(client, job).result(timeout=0),
    "ends": lambda client, job: raised(client.ends([job], timeout=0)),
    "timeline": lambda client, job: client.timeline(job),
}
"""Each call of the client that is given a job."""
OF_NONE: Final = {
    *("submit", "submit_job", "submit_many", "rerank", "settled", "recording", "open_batch"),
    *("batches", "batch_as", "forecast", "for_tenant", "tenant", "check", "close"),
    *("operations", "tokens", "tenants"),
    "as_completed",  # by handles, from `ends`
    *("jobs", "job_page", "history"),  # lists: `test_job_lists` has what a tenant sees of them
    "usage",  # its own alone: `test_usage` has what a tenant sees of it
}
"""Those that are given none: what they make is the tenant's, and they read nothing."""
OF_A_BATCH: Final[dict[str, Callable[[AsyncBatch], Awaitable[Any]]]] = {
    "add": lambda batch: batch.add(**DRAFT),
    "add_many": lambda batch: drained(batch.add_many([DRAFT])),
    "offer": offered,
    "seal": lambda batch: batch.seal(),
    "abandon": lambda batch: batch.abandon(),
    "cut_at": lambda batch: batch.cut_at(),
    "unfed_seconds": lambda batch: batch.unfed_seconds(),
    "progress": lambda batch: batch.progress(),
    "seconds_left": lambda batch: batch.seconds_left(),
    "results": lambda batch: drained(batch.results(wait=False)),
    "result_portions": lambda batch: drained(batch.result_portions(wait=False)),
    "rows": lambda batch: drained(batch.rows()),
    "release": lambda batch: batch.release(),
    "open": lambda batch: batch.open(),
    "status": lambda batch: batch.status(why=True),
    "watch": lambda batch: drained(batch.watch()),
    "wait": lambda batch: batch.wait(0),
    "pause": lambda batch: batch.pause(),
    "resume": lambda batch: batch.resume(),
    "cancel": lambda batch: batch.cancel(),
    "set_budget": lambda batch: batch.set_budget("5"),
    "failures": lambda batch: drained(batch.failures()),
    "failure_portions": lambda batch: drained(batch.failure_portions()),
    "resubmit": lambda batch: batch.resubmit(()),
    "resubmit_failed": lambda batch: batch.resubmit_failed(),
    "is_past_retention": lambda batch: batch.is_past_retention(),
}
OF_NO_BATCH: Final = {"id", "feed", "reader", "prepare"}
"""They ask Redis nothing themselves."""


def public(kind: type) -> set[str]:
    """The names that a class gives out."""
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_call_of_the_client_is_accounted_for() -> None:
    """A new method of client or batch is named here, with how it refuses what is another's."""
    assert public(AsyncRerankClient) - OF_NONE - {"batch"} == {*OF_A_JOB}
    assert public(AsyncBatch) - OF_NO_BATCH == {*OF_A_BATCH}


@pytest.mark.parametrize("name", OF_A_JOB)
@pytest.mark.parametrize("owner", [None, "other"])
def test_a_job_of_another_is_not_found(redis_url: str, name: str, owner: str | None) -> None:
    """Not by its id, in no state; its own it finds, and the operator finds all."""

    async def run() -> None:
        async with AsyncRerankClient(redis_url) as operator:
            job = (await operator.for_tenant(owner).submit(**DRAFT)).id
            with pytest.raises(JobNotFound, match=f"no job has the id {job}"):
                await OF_A_JOB[name](operator.for_tenant("mine"), job)
            assert (await operator.status(job)).state is JobState.QUEUED
            assert (await operator.for_tenant(owner).status(job)).state is JobState.QUEUED

    asyncio.run(run())


@pytest.mark.parametrize("name", OF_A_BATCH)
@pytest.mark.parametrize("owner", [None, "other"])
def test_a_batch_of_another_is_not_found(redis_url: str, name: str, owner: str | None) -> None:
    """Not by its id, open or sealed, and nothing in it is changed."""

    async def run() -> None:
        async with AsyncRerankClient(redis_url) as operator:
            theirs = await operator.for_tenant(owner).open_batch()
            await theirs.add(**DRAFT)
            before = await theirs.progress()
            with pytest.raises(BatchNotFound, match=f"no batch has the id {theirs.id}"):
                await OF_A_BATCH[name](operator.for_tenant("mine").batch(theirs.id))
            assert await operator.batch(theirs.id).progress() == before

    asyncio.run(run())


def test_a_tenant_has_what_it_makes(operator: RerankClient) -> None:
    """Jobs and batches that it makes are its own, by each way of submitting; all is the same."""
    mine, other = operator.for_tenant("mine"), operator.for_tenant("other")
    made = [
        mine.submit(**DRAFT),
        *mine.submit_many([DRAFT, RerankRequest(query="q", documents=("a",))]),
    ]
    with mine.open_batch() as batch:
        made.append(batch.add(**DRAFT))
        made += batch.add_many([Job(request=RerankRequest(query="q", documents=("a",)))])
    assert {mine.status(each.id).state for each in made} == {JobState.QUEUED}
    assert batch.progress().total == 2
    for each in made:
        with pytest.raises(JobNotFound):
            other.status(each.id)
    assert made[0].cancel() is JobState.QUEUED
    mine.close()
    assert mine.status(made[1].id).state is JobState.QUEUED


def test_keys_of_idempotency_are_each_tenants_own(operator: RerankClient) -> None:
    """The same key names another job for each tenant, and for the operator; each is kept."""
    clients = [operator, operator.for_tenant("a"), operator.for_tenant("b")]
    jobs = [client.submit(**DRAFT, idempotency_key="k").id for client in clients]
    assert len(set(jobs)) == 3
    assert [client.submit(**DRAFT, idempotency_key="k").id for client in clients] == jobs
    for client in clients:
        with pytest.raises(IdempotencyConflict):
            client.submit(query="other", documents=["a"], idempotency_key="k")


def test_a_key_lives_as_long_as_its_job(redis_url: str, operator: RerankClient) -> None:
    """At the job's end the key gets the expiry of the record, in the tenant's space too."""
    job = operator.for_tenant("a").submit(**DRAFT, idempotency_key="k")
    with Redis.from_url(redis_url) as redis:
        key = "rerankq:tenant:a:idempotency:k"
        assert redis.pttl(key) == -1
        job.cancel()
        assert 0 < redis.pttl(key) <= redis.pttl(f"rerankq:job:{job.id}") + 1000


def test_a_tenant_chooses_no_ids(operator: RerankClient) -> None:
    """It would learn which ids others have: a draft with an id is refused, a taken one as well."""
    theirs = operator.submit(**DRAFT, job_id="theirs")
    mine = operator.for_tenant("mine")
    for submit in (mine.submit, mine.rerank):
        with pytest.raises(InvalidRequest, match="custom_id"):
            submit(**DRAFT, job_id="own")
    taken = Job(id=theirs.id, request=RerankRequest(**DRAFT))
    with pytest.raises(InvalidRequest, match="without an id"):
        list(mine.submit_many([taken]))
    with pytest.raises(InvalidRequest, match="another than the client's"):
        list(mine.submit_many([Job(tenant="other", request=RerankRequest(**DRAFT))]))


def test_a_tenant_has_no_operations(operator: RerankClient) -> None:
    """Dead letters, tokens and limits are for operators; nor does it become another tenant."""
    mine = operator.for_tenant("mine")
    for refused in (
        mine.tokens.list,
        lambda: mine.tenants.set("mine"),
        lambda: mine.call(lambda client: client.operations.dead.count()),
        lambda: mine.for_tenant("other"),
        lambda: operator.for_tenant("a b"),
    ):
        with pytest.raises(InvalidRequest):
            refused()
    assert mine.for_tenant("mine") is mine
    assert operator.for_tenant(None) is operator


@pytest.mark.parametrize(
    ("limits", "quota", "lane"),
    [
        ({"requests": 3}, "requests", "interactive"),
        ({"tokens": 12}, "tokens", "interactive"),
        ({"queued": 3}, "queued", "bulk"),
        ({"jobs_a_day": 3}, "day", "bulk"),
        ({"disabled": True}, "disabled", "bulk"),
    ],
)
def test_a_quota_refuses_what_is_over_it(
    operator: RerankClient, limits: dict[str, Any], quota: str, lane: str
) -> None:
    """Three jobs of four tokens are let in, the fourth is not: the error says why, and how long."""
    operator.tenants.set("mine", **limits)
    mine = operator.for_tenant("mine")
    allowed = 0 if quota == "disabled" else 3
    assert len({mine.submit(**DRAFT, lane=lane).id for _ in range(allowed)}) == allowed
    with pytest.raises(QuotaExceeded) as refused:
        mine.submit(**DRAFT, lane=lane)
    assert refused.value.quota == quota
    assert isinstance(refused.value, QueueFull)
    assert "tenant mine" in str(refused.value)
    longest = {"requests": 20, "tokens": 20, "day": 86_400}
    wait = refused.value.retry_after
    assert (wait is not None and 0 < wait <= longest[quota]) if quota in longest else wait is None
    operator.for_tenant("other").submit(**DRAFT, lane=lane)
    operator.tenants.set("mine")
    mine.submit(**DRAFT, lane=lane)


def test_a_tenant_lists_its_own_batches(operator: RerankClient) -> None:
    """And goes on behind none of another's; the operator lists all."""
    mine, other = operator.for_tenant("mine"), operator.for_tenant("other")
    own = [mine.open_batch().id for _ in range(2)]
    theirs = other.open_batch().id
    free = operator.open_batch().id
    assert [each.id for each in mine.batches()] == own[::-1]
    assert [each.id for each in operator.batches()] == [free, theirs, *own[::-1]]
    with pytest.raises(BatchNotFound):
        list(mine.batches(after=theirs))


def test_the_operator_resubmits_for_a_tenant(operator: RerankClient, redis_url: str) -> None:
    """The new batch and its jobs are the tenant's, as those that failed are."""
    mine = operator.for_tenant("mine")
    with mine.open_batch() as batch:
        batch.add(query="fail", documents=["d"])
    with StandInWorker(redis_url):
        batch.wait(timeout=30)
        done = operator.batch(batch.id).resubmit_failed()
        assert done.submitted == 1
        assert done.batch is not None
        assert mine.batch(done.batch.id).wait(timeout=30).failed == 1


def test_a_client_acts_for_the_tenant_of_its_settings(
    operator: RerankClient, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With RERANKQ_TENANT a client is that tenant's; it owns its connections, and ends them."""
    of_operator = operator.submit(**DRAFT).id
    monkeypatch.setenv("RERANKQ_TENANT", "mine")

    async def asked() -> str:
        async with AsyncRerankClient(redis_url) as client:
            assert client.tenant == client.for_tenant("mine").tenant == "mine"
            with pytest.raises(JobNotFound):
                await client.status(of_operator)
            with pytest.raises(InvalidRequest, match="RERANKQ_TENANT"):
                await client.tokens.list()
            with pytest.raises(InvalidRequest):
                client.for_tenant("other")
            made = (await client.submit(**DRAFT)).id
            batch = await client.open_batch()
            assert (await batch.status()).tenant == "mine"
        with pytest.raises(ClientClosed):
            await client.submit(**DRAFT)
        return made

    made = asyncio.run(asked())
    with RerankClient(redis_url) as client:
        assert client.tenant == "mine"
        client.cancel(made)
        with pytest.raises(JobNotFound):
            client.status(of_operator)
    with pytest.raises(ClientClosed):
        client.status(made)
    monkeypatch.setenv("RERANKQ_TENANT", "no name")
    with pytest.raises(SettingsError, match="RERANKQ_TENANT"):
        RerankClient(redis_url)
    assert operator.status(made).state == "cancelled"
    assert operator.for_tenant("mine").status(made).id == made
