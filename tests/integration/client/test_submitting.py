"""Submitting jobs: one, many, good and bad."""

import asyncio
import inspect
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis

from rerankq import AsyncRerankClient, RerankClient
from rerankq.broker.announce import SPREAD, Announcer
from rerankq.client.drafts import Draft, Submission
from rerankq.contract import TASK_NAME, Hint, Job, JobState, Lane, RerankRequest, RerankResult
from rerankq.errors import (
    BatchNotFound,
    IdempotencyConflict,
    InvalidRequest,
    LedgerUnavailable,
    QueueFull,
)
from rerankq.ledger.intake import CALL_JOBS
from rerankq.settings import ClientSettings
from running.proxy import Proxy
from running.redis_server import RedisServer, free_port
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

QUERY, DOCUMENT = "a-private-query", "a-private-document"
DRAFT: dict[str, Any] = {"query": QUERY, "documents": [DOCUMENT]}


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """A blocking client of an empty ledger."""
    with RerankClient(redis_url) as made:
        yield made


def hints(url: str, lane: Lane) -> list[bytes]:
    """The messages in a lane's Celery queue, the oldest first."""
    with Redis.from_url(url) as redis:
        return [bytes(each) for each in reversed(redis.lrange(lane.queue, 0, -1))]


def body(message: bytes) -> list[Any]:
    """The Celery arguments in a message, which must be plain JSON and no base64."""
    envelope = json.loads(message)
    assert envelope["properties"]["body_encoding"] == "utf-8"
    assert envelope["headers"]["task"] == TASK_NAME
    arguments: list[Any] = json.loads(envelope["body"])
    return arguments


def test_submitted_job_is_queued(client: RerankClient) -> None:
    """When submit returns, the job is in the ledger, and any client finds it by its id."""
    handle = client.submit(**DRAFT, lane="interactive", custom_id="mine")
    status = client.get(handle.id).status()
    assert (status.state, status.lane, status.custom_id) == (
        JobState.QUEUED,
        Lane.INTERACTIVE,
        "mine",
    )


@pytest.mark.parametrize("error", [OSError("no route"), OperationalError("broker away")])
def test_job_is_accepted_though_its_hint_is_not(
    client: RerankClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """A hint that cannot be published loses nothing: the job is accepted, and the log says so."""

    def unreachable(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Celery, "send_task", unreachable)
    with caplog.at_level(logging.WARNING, "rerankq"):
        handle = client.submit(**DRAFT)
    assert handle.status().state is JobState.QUEUED
    assert "no hint for 1 bulk job" in caplog.text
    assert QUERY not in caplog.text


def test_broker_that_is_down_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """An announcer whose broker is away says so, and raises nothing."""
    announcer = Announcer(f"redis://127.0.0.1:{free_port()}/0")
    with caplog.at_level(logging.WARNING, "rerankq"):
        assert announcer.announce(Lane.BULK, ["a", "b"]) is False
    announcer.close()
    assert "no hint for 2 bulk jobs" in caplog.text


def test_messages_name_jobs_and_hold_nothing_of_them(client: RerankClient, redis_url: str) -> None:
    """A message contains job ids and the lane, in plain UTF-8, and no content of a job."""
    handles = [client.submit(**DRAFT, metadata={"tenant": "private"}) for _ in range(2)]
    messages = hints(redis_url, Lane.BULK)
    for message, handle in zip(messages, handles, strict=True):
        args, kwargs, _ = body(message)
        assert args == []
        assert Hint.parse(kwargs) == Hint(lane=Lane.BULK, job_ids=(handle.id,))
        assert kwargs.keys() == {"version", "lane", "job_ids"}
        assert b"private" not in message


@pytest.mark.parametrize(
    ("lane", "sizes"), [("bulk", [*[7] * 14, 2, *[2] * 10]), ("interactive", [1] * 120)]
)
def test_messages_are_spread_by_lane(
    client: RerankClient, redis_url: str, lane: str, sizes: list[int]
) -> None:
    """Bulk jobs of an empty queue are spread over messages, interactive ones go singly."""
    handles = list(client.submit_many(DRAFT | {"lane": lane} for _ in range(120)))
    named = [body(message)[1]["job_ids"] for message in hints(redis_url, Lane(lane))]
    assert list(map(len, named)) == sizes
    assert [each for ids in named for each in ids] == [handle.id for handle in handles]


@pytest.mark.parametrize(("lane", "sizes"), [("bulk", [50, 50, 20]), ("interactive", [1] * 120)])
def test_messages_are_filled_by_lane(
    client: RerankClient, redis_url: str, lane: str, sizes: list[int]
) -> None:
    """While messages wait, a bulk message names fifty jobs, an interactive one a single job."""
    before = [client.submit(**DRAFT, lane=lane) for _ in range(SPREAD)]
    handles = list(client.submit_many(DRAFT | {"lane": lane} for _ in range(120)))
    named = [body(message)[1]["job_ids"] for message in hints(redis_url, Lane(lane))]
    assert list(map(len, named)) == [1] * SPREAD + sizes
    assert [each for ids in named for each in ids] == [each.id for each in before + handles]


def test_drafts_may_be_of_any_kind(client: RerankClient) -> None:
    """submit_many takes mappings, requests and jobs, and keeps their order."""
    request = RerankRequest(query=QUERY, documents=(DOCUMENT,))
    drafts: list[Draft] = [DRAFT, request, Job(id="third", request=request, lane=Lane.INTERACTIVE)]
    handles = list(client.submit_many(drafts))
    assert handles[2].id == "third"
    assert [handle.status().lane for handle in handles] == ["bulk", "bulk", "interactive"]


def test_stream_is_drawn_in_portions(client: RerankClient) -> None:
    """submit_many draws one portion ahead: memory is bounded, and an endless stream is fine."""
    drawn = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield DRAFT

    handles = client.submit_many(endless())
    assert drawn == 0
    next(handles)
    assert drawn == 2 * CALL_JOBS
    for _ in range(CALL_JOBS):
        next(handles)
    assert drawn == 3 * CALL_JOBS
    assert next(handles).status().state is JobState.QUEUED


def test_bad_draft_is_named_and_the_earlier_ones_stay(client: RerankClient) -> None:
    """A bad draft in a stream is named by its position; those before it are accepted."""
    drafts = [DRAFT] * 62 + [DRAFT | {"top_n": 0}] + [DRAFT] * 10
    taken = []

    def take() -> None:
        for handle in client.submit_many(drafts):
            taken.append(handle)  # noqa: PERF402 - those before the error count

    with pytest.raises(InvalidRequest) as caught:
        take()
    assert caught.value.field == "62.top_n"
    assert len(taken) == 62
    assert taken[-1].status().state is JobState.QUEUED


def test_full_lane_refuses_one_job_and_delays_a_stream(redis_url: str) -> None:
    """A full lane refuses a single submit, but a stream waits until the lane takes jobs again."""
    settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=5)
    with RerankClient(settings=settings) as client:
        handles = client.submit_many([DRAFT] * 5)
        assert len(list(handles)) == 5
        with pytest.raises(QueueFull, match="RERANKQ_MAX_QUEUE_DEPTH"):
            client.submit(**DRAFT)
        with StandInWorker(redis_url) as worker:
            more = list(client.submit_many([DRAFT] * 12))
            assert len(more) == 12
            eventually(lambda: len(worker.ended) == 17, "all are done")


def blocking_stream(settings: ClientSettings, drafts: list[Draft], ids: list[str]) -> None:
    with RerankClient(settings=settings) as client:
        for handle in client.submit_many(drafts, patience=0.1):
            ids.append(handle.id)  # noqa: PERF401 - those before the error count


def awaited_stream(settings: ClientSettings, drafts: list[Draft], ids: list[str]) -> None:
    async def stream() -> None:
        async with AsyncRerankClient(settings=settings) as client:
            async for handle in client.submit_many(drafts, patience=0.1):
                ids.append(handle.id)  # noqa: PERF401 - those before the error count

    asyncio.run(stream())


@pytest.mark.parametrize("stream", [blocking_stream, awaited_stream])
def test_an_uncertain_stream_names_the_ids(
    own_redis: RedisServer, stream: Callable[[ClientSettings, list[Draft], list[str]], None]
) -> None:
    """If Redis goes away, uncertain jobs of a stream can be repeated under their ids."""
    drafts: list[Draft] = []
    ids: list[str] = []
    with Proxy(own_redis.port) as proxy:

        def cut_short() -> Iterator[Draft]:
            for number in range(350):
                drafts.append(DRAFT | {"custom_id": str(number)})
                if number == 3 * CALL_JOBS - 1:
                    proxy.lose_answer(b"EVALSHA", own_redis.stop)
                yield drafts[-1]

        endless: Any = cut_short()
        with pytest.raises(LedgerUnavailable) as caught:
            stream(ClientSettings.load(redis_url=proxy.url), endless, ids)
    error = caught.value
    assert error.uncertain
    assert error.position == len(ids)
    assert len(error.job_ids) == CALL_JOBS
    last = error.position + CALL_JOBS - 1
    assert f"; drafts {error.position} to {last} may be recorded: submit" in str(error)
    own_redis.start()
    with RerankClient(own_redis.url) as client, own_redis.client() as judge:
        doubted = zip(drafts[error.position :], error.job_ids, strict=False)
        again: Any = [dict(draft) | {"job_id": job_id} for draft, job_id in doubted]
        assert [each.id for each in client.submit_many(again)] == list(error.job_ids)
        assert judge.zcard("rerankq:bulk:queued") == len(ids) + CALL_JOBS


def test_a_refused_stream_is_certain(own_redis: RedisServer) -> None:
    """If Redis refuses all jobs of a stream, none is reported as uncertain."""
    with RerankClient(own_redis.url) as client, own_redis.client() as judge:
        judge.config_set("maxmemory", "1")
        with pytest.raises(LedgerUnavailable, match="out of memory") as caught:
            list(client.submit_many([DRAFT] * 10))
    assert not caught.value.uncertain
    assert len(caught.value.job_ids) == 10
    assert "may be recorded" not in str(caught.value)


@pytest.mark.parametrize("stream", [blocking_stream, awaited_stream])
def test_a_full_lane_ends_an_impatient_stream(
    redis_url: str, stream: Callable[[ClientSettings, list[Draft], list[str]], None]
) -> None:
    """A full lane ends a stream with a timeout; the error says from which draft to go on."""
    request = RerankRequest(query=QUERY, documents=(DOCUMENT,))
    drafts: list[Draft] = [Job(id=f"job-{n}", request=request) for n in range(350)]
    ids: list[str] = []
    with pytest.raises(QueueFull, match="go on from draft 120") as caught:
        stream(ClientSettings.load(redis_url=redis_url, max_queue_depth=120), drafts, ids)
    assert caught.value.position == 120
    assert ids == [f"job-{n}" for n in range(120)]
    with RerankClient(redis_url) as client:
        rest = list(client.submit_many(drafts[120:]))
        assert [handle.id for handle in rest] == [f"job-{n}" for n in range(120, 350)]


def test_a_full_lane_hides_no_conflict(redis_url: str) -> None:
    """If a conflict and a full lane end a stream, the error tells both."""
    settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=3)
    with RerankClient(settings=settings) as client:
        client.submit(**DRAFT, idempotency_key="k")
        other = {"query": "another", "documents": ["d"], "idempotency_key": "k"}
        with pytest.raises(QueueFull) as caught:
            list(client.submit_many([DRAFT, other, DRAFT, DRAFT], patience=0))
    assert caught.value.position == 3
    assert "idempotency key was used before" in caught.value.__notes__[0]


def test_order_survives_a_full_lane(redis_url: str) -> None:
    """Handles come in the order of the drafts, even if another lane took its jobs earlier."""
    settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=1)
    with RerankClient(settings=settings) as client:
        blocker = client.submit(**DRAFT)
        request = RerankRequest(query=QUERY, documents=(DOCUMENT,))
        drafts = [
            Job(id="first", request=request),
            Job(id="second", request=request, lane=Lane.INTERACTIVE),
        ]
        with StandInWorker(redis_url):
            handles = [handle.id for handle in client.submit_many(drafts)]
        assert handles == ["first", "second"]
        assert blocker.status().state is JobState.SUCCEEDED


def test_unknown_argument_is_refused(client: RerankClient) -> None:
    """A misspelt argument of submit is an error; it is not ignored."""
    arguments: Any = DRAFT | {"topn": 1}
    with pytest.raises(InvalidRequest, match=r"^topn: "):
        client.submit(**arguments)


def test_idempotency_key_leads_to_the_same_job(client: RerankClient, redis_url: str) -> None:
    """The same key and request are one job and one hint; another request is a conflict."""
    first = client.submit(**DRAFT, idempotency_key="k")
    assert client.submit(**DRAFT, idempotency_key="k").id == first.id
    assert len(hints(redis_url, Lane.BULK)) == 1
    with pytest.raises(IdempotencyConflict):
        client.submit(query="another", documents=["d"], idempotency_key="k")


def test_plain_celery_finds_the_result(client: RerankClient, redis_url: str) -> None:
    """AsyncResult of a Celery app without rerankq's settings answers by the job's id."""
    with StandInWorker(redis_url):
        handle = client.submit(**DRAFT)
        result = client.get(handle.id).result(timeout=20)
    app = Celery("another", set_as_current=False, backend=redis_url)
    assert RerankResult.parse(app.AsyncResult(handle.id).get(timeout=10)) == result


def test_submit_without_redis_is_a_clear_error(own_redis: RedisServer) -> None:
    """When Redis goes away, submit says so in one sentence."""
    with RerankClient(own_redis.url) as client:
        client.submit(**DRAFT)
        own_redis.stop()
        with pytest.raises(LedgerUnavailable, match="cannot be reached"):
            client.submit(**DRAFT)


def test_uncertain_submit_names_the_id(own_redis: RedisServer) -> None:
    """If Redis does not answer, the error has the id to find or repeat the job."""
    with Proxy(own_redis.port) as proxy, RerankClient(proxy.url) as client:
        client.submit(**DRAFT)
        proxy.lose_answer(b"EVALSHA", own_redis.stop)
        with pytest.raises(LedgerUnavailable) as caught:
            client.submit(**DRAFT)
        job_id = caught.value.job_id
        assert job_id is not None
        assert caught.value.uncertain
        assert f"; job {job_id} may be recorded: ask for it" in str(caught.value)
        assert pickle.loads(pickle.dumps(caught.value)).job_id == job_id  # noqa: S301  our own
        own_redis.start()
        for _ in range(2):
            assert client.submit(**DRAFT, job_id=job_id).id == job_id
        assert client.get(job_id).status().state is JobState.QUEUED


def test_refused_submit_is_certain(own_redis: RedisServer) -> None:
    """If Redis refuses, the error does not say that the job may be recorded."""
    with RerankClient(own_redis.url) as client, own_redis.client() as judge:
        judge.config_set("maxmemory", "1")
        with pytest.raises(
            LedgerUnavailable, match="out of memory, nothing was recorded"
        ) as caught:
            client.submit(**DRAFT, job_id="mine")
        assert (caught.value.uncertain, caught.value.job_id) == (False, "mine")
        assert "may be recorded" not in str(caught.value)


BAD_IDS = ["", "\ud800", "nul\0", "a" * 65, "two words", "\u202e", "line\n"]


@pytest.mark.parametrize("job_id", BAD_IDS)
def test_an_id_that_no_job_can_have_is_refused(client: RerankClient, job_id: str) -> None:
    """Reading, cancelling or submitting a job by an id that no job can have is a bad request."""
    calls: list[Callable[[], object]] = [
        lambda: client.get(job_id),
        lambda: client.cancel(job_id),
        lambda: client.status(job_id),
        lambda: client.end(job_id, 0),
        lambda: client.submit(**DRAFT, job_id=job_id),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest, match=r"^job_id: "):
            call()


class OwnError(Exception):
    """Raised by the caller's own code."""


@pytest.mark.parametrize("stream", [blocking_stream, awaited_stream])
@pytest.mark.parametrize("before", [0, 1, CALL_JOBS, 2 * CALL_JOBS + 50])
def test_a_stream_that_raises_leaves_no_job_unnamed(
    redis_url: str,
    stream: Callable[[ClientSettings, list[Draft], list[str]], None],
    before: int,
) -> None:
    """Drafts before an exception are accepted and give handles; then the exception is raised."""

    def raising() -> Iterator[Draft]:
        for _ in range(before):
            yield DRAFT
        raise OwnError

    ids: list[str] = []
    drafts: Any = raising()
    with pytest.raises(OwnError):
        stream(ClientSettings.load(redis_url=redis_url), drafts, ids)
    assert len(ids) == before
    with RerankClient(redis_url) as client:
        assert [client.status(each).id for each in ids] == ids
    assert len(hints(redis_url, Lane.BULK)) > 0 or not before


@pytest.mark.parametrize("draft", ["text", 5, None, ["query", "documents"]])
def test_an_invalid_draft_is_refused(client: RerankClient, draft: Any) -> None:
    """The error names the position of the wrong draft; the drafts before it were accepted."""
    handles: list[str] = []
    with pytest.raises(InvalidRequest, match=r"^1: must be a mapping"):
        handles.extend(each.id for each in client.submit_many([DRAFT, draft]))


@pytest.mark.parametrize("kind", [RerankClient, AsyncRerankClient])
def test_submit_lists_its_arguments(kind: type) -> None:
    """The signature of submit, and so its help, lists each argument, and its text explains it."""
    signature = inspect.signature(kind.submit)  # type: ignore[attr-defined]
    named = list(Submission.__annotations__)
    assert list(signature.parameters) == ["self", *named]
    none = inspect.Parameter.empty
    required = [each for each in named if signature.parameters[each].default is none]
    assert required == ["query", "documents"]
    assert all(f"    {each}: " in (inspect.getdoc(kind.submit) or "") for each in named)  # type: ignore[attr-defined]


@pytest.mark.parametrize("job_id", [None, 5])
def test_an_id_that_is_no_text_is_refused(client: RerankClient, job_id: Any) -> None:
    """Asking for a job by something that is no text is a bad request."""
    with pytest.raises(InvalidRequest, match=r"^job_id: must be a string$"):
        client.get(job_id)
    with pytest.raises(InvalidRequest, match=r"^job_id: must be a string$"):
        client.cancel(job_id)


def test_misspelt_name_in_a_draft_is_refused(client: RerankClient) -> None:
    """A draft with a name that submit does not have ends the stream with an error."""
    drafts = [DRAFT, DRAFT | {"idempotency_kye": "k"}]
    with pytest.raises(
        InvalidRequest, match=r"^1\.idempotency_kye: is not an argument of submit: did"
    ):
        list(client.submit_many(drafts))


def test_job_of_no_batch_is_an_error(client: RerankClient) -> None:
    """A batch that was never opened is BatchNotFound; the other drafts were accepted."""
    with pytest.raises(BatchNotFound, match="batch-never"):
        client.submit(**DRAFT, batch_id="batch-never")
    handles = client.submit_many([DRAFT, DRAFT | {"batch_id": "batch-never"}, DRAFT])
    assert [next(handles).status().state for _ in range(2)] == [JobState.QUEUED] * 2
    with pytest.raises(BatchNotFound, match="batch-never"):
        next(handles)
