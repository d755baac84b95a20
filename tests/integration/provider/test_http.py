"""The provider against a real HTTP server that answers as each test says."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from rerankq.contract import RerankRequest
from rerankq_worker.provider import DIALECTS, HttpProvider
from rerankq_worker.upstream import (
    Answer,
    BadKey,
    Call,
    Malformed,
    Throttled,
    Transient,
    Unreachable,
    UpstreamError,
)
from running.redis_server import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST = RerankRequest(query="how to avoid a cold", documents=("wash your hands", "wear a mask"))
ROWS = '[{"index":1,"relevance_score":0.9,"score":0.9},{"index":0,"relevance_score":0.1,"score":0}]'
GOOD = {
    "dmxapi": f'{{"results":{ROWS}}}',
    "cohere": f'{{"results":{ROWS}}}',
    "siliconflow": f'{{"results":{ROWS}}}',
    "voyage": f'{{"data":{ROWS}}}',
    "vllm": f'{{"results":{ROWS}}}',
    "tei": ROWS,
    "dashscope": f'{{"output":{{"results":{ROWS}}}}}',
}
CAP_BYTES = 1024 * 1024 + 4096

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def call(key: str = "sk-1", attempt: int = 1) -> Call:
    return Call("job-1", attempt, REQUEST, "qwen3-rerank", f"Bearer {key}")


async def outcomes(
    handler: Handler, *calls: Call, dialect: str = "dmxapi"
) -> list[Answer | UpstreamError]:
    """What becomes of calls, made one after the other over one provider."""
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", free_port())
    await site.start()
    provider = HttpProvider(url=f"{site.name}/", dialect=DIALECTS[dialect](), call_seconds=10)
    try:
        async with provider:
            return [await _outcome(provider, each) for each in calls]
    finally:
        await runner.cleanup()


async def _outcome(provider: HttpProvider, made: Call) -> Answer | UpstreamError:
    try:
        return await provider.rerank(made)
    except UpstreamError as error:
        return error


def met(handler: Handler, dialect: str = "dmxapi") -> Answer | UpstreamError:
    (outcome,) = asyncio.run(outcomes(handler, call(), dialect=dialect))
    return outcome


def answering(
    body: str | bytes, status: int = 200, headers: dict[str, str] | None = None
) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        content = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=content, headers=headers)

    return handler


@each_dialect
def test_each_dialect_ranks_over_the_wire(dialect: str) -> None:
    """A good answer in the vendor's shape is a ranking."""
    answer = met(answering(GOOD[dialect], headers={"X-Request-Id": "2025"}), dialect)
    assert isinstance(answer, Answer)
    assert [each.index for each in answer.scores] == [1, 0]
    assert answer.request_id == "2025"
    assert answer.pause_seconds is None


def test_one_session_serves_many_keys() -> None:
    """Each call shows its own key, job and attempt, over the same connections."""
    seen = []

    async def handler(request: web.Request) -> web.Response:
        names = ("Authorization", "X-Rerankq-Job-Id", "X-Rerankq-Attempt", "Accept-Encoding")
        seen.append(tuple(request.headers[name] for name in names))
        return web.Response(text=GOOD["dmxapi"])

    asyncio.run(outcomes(handler, call("sk-1"), call("sk-2", attempt=3)))
    assert seen == [
        ("Bearer sk-1", "job-1", "1", "identity"),
        ("Bearer sk-2", "job-1", "3", "identity"),
    ]


def test_a_used_up_allowance_asks_for_a_pause() -> None:
    """An answer that used up the allowance says how long to wait; it is an answer all the same."""
    headers = {"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "6m0s"}
    answer = met(answering(GOOD["dmxapi"], headers=headers))
    assert isinstance(answer, Answer)
    assert answer.pause_seconds == 360


def test_throttling_takes_its_time_from_the_headers() -> None:
    """Retry-After goes before the reset of an allowance."""
    headers = {"X-RateLimit-Remaining-Tokens": "0", "X-RateLimit-Reset-Tokens": "20ms"}
    error = met(answering("", 429, headers))
    assert isinstance(error, Throttled)
    assert error.retry_after == 0.02
    error = met(answering("", 429, headers | {"Retry-After": "3"}))
    assert isinstance(error, Throttled)
    assert error.retry_after == 3


def test_a_refused_key_is_not_shown() -> None:
    """An error that quotes the key reaches nobody with it."""
    error = met(answering('{"error":{"message":"unknown key sk-1"}}', 401))
    assert isinstance(error, BadKey)
    assert "sk-1" not in str(error)


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"\x1f\x8b...", {"Content-Encoding": "gzip"}), (b" " * (CAP_BYTES + 1), {})],
    ids=["compressed", "endless"],
)
def test_a_refusal_that_cannot_be_read_speaks_by_its_status(
    body: bytes, headers: dict[str, str]
) -> None:
    """A refusal whose body is compressed or endless is what its status says."""
    assert isinstance(met(answering(body, 429, headers)), Throttled)


@each_dialect
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "broken JSON"),
        ('{"error":{"message":"no luck","code":"x"}}', 'under status 200: "no luck"'),
        ('{"detail":"no luck"}', 'under status 200: "no luck"'),
        ("{}", "without results"),
        ('"text"', "without results"),
        (b" " * (CAP_BYTES + 1), "is over"),
    ],
    ids=["broken", "error", "detail", "empty", "text", "endless"],
)
def test_what_is_no_ranking_is_malformed(dialect: str, body: str | bytes, words: str) -> None:
    """With every dialect an answer that is broken, an error, empty or endless is malformed."""
    error = met(answering(body), dialect)
    assert isinstance(error, Malformed)
    assert words in str(error)


def test_a_compressed_answer_is_malformed() -> None:
    """Compression was not asked for, and could be far longer than the bytes that are counted."""
    error = met(answering(b"...", headers={"Content-Encoding": "gzip"}))
    assert isinstance(error, Malformed)


def test_a_call_that_was_cut_off_may_have_been_billed() -> None:
    """A connection that breaks after the request is transient, and not unreachable."""

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    error = met(handler)
    assert type(error) is Transient
    assert str(error).startswith("the connection to the upstream broke (Server")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_nobody_serves_is_unreachable(scheme: str) -> None:
    """Where no connection can be made, the request was never seen."""

    async def tried() -> Answer | UpstreamError:
        url = f"{scheme}://127.0.0.1:{free_port()}/"
        dialect = DIALECTS["dmxapi"]()
        async with HttpProvider(url=url, dialect=dialect, call_seconds=5) as provider:
            return await _outcome(provider, call())

    error = asyncio.run(tried())
    assert isinstance(error, Unreachable)
    assert str(error) == "the upstream cannot be reached"
