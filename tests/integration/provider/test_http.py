"""The provider with a real HTTP server."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiohttp import web
from multidict import CIMultiDict

from rerankq.contract import RerankRequest
from rerankq_worker.provider import HttpProvider, error_body, http
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import (
    BadKey,
    Cause,
    Malformed,
    Throttled,
    Transient,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)
from rerankq_worker.upstream.port import Answer, Call, Score
from rerankq_worker.upstream.score_scale import Scales, ScoreScale
from running.redis_server import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST = RerankRequest(query="how to avoid a cold", documents=("wash your hands", "wear a mask"))
ROWS = '[{"index":1,"relevance_score":0.9,"score":0.9},{"index":0,"relevance_score":0.1,"score":0}]'
GOOD = {
    "dmxapi": f'{{"results":{ROWS}}}',
    "jina": f'{{"results":{ROWS}}}',
    "cohere": f'{{"results":{ROWS}}}',
    "siliconflow": f'{{"results":{ROWS}}}',
    "voyage": f'{{"data":{ROWS}}}',
    "vllm": f'{{"results":{ROWS}}}',
    "vllm-score": f'{{"data":{ROWS}}}',
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
    """The results of calls that one provider makes one after the other."""
    async with serving(handler) as address:
        made = DIALECTS[dialect]()
        async with HttpProvider(url=f"{address}/", dialect=made, call_seconds=10) as provider:
            return [await _outcome(provider, each) for each in calls]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The address of a server with this handler."""
    app = web.Application()
    app.router.add_post("/", handler)
    # A handler that hangs ends with its connection.
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", free_port())
    await site.start()
    try:
        yield site.name
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
    body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None
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


def test_logits_become_probabilities_where_the_answer_is_read() -> None:
    """A site that declares logits gives probabilities, best first by the raw scores."""
    rows = '[{"index":0,"relevance_score":40},{"index":1,"relevance_score":50.5}]'

    async def ranked() -> Answer:
        dialect, scales = DIALECTS["dmxapi"](), Scales(ScoreScale.LOGIT)
        async with (
            serving(answering(f'{{"results":{rows}}}')) as url,
            HttpProvider(
                url=f"{url}/", dialect=dialect, call_seconds=10, scales=scales
            ) as provider,
        ):
            return await provider.rerank(call())

    answer = asyncio.run(ranked())
    assert answer.scores == [Score(1, 1.0, 50.5), Score(0, 1.0, 40.0)]
    assert answer.scale == "logit"


def test_one_session_serves_many_keys() -> None:
    """Each call has its own key, job and attempt in its headers."""
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
    """An answer that used up the allowance is a good answer, and says how long to wait."""
    headers = {"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "6m0s"}
    answer = met(answering(GOOD["dmxapi"], headers=headers))
    assert isinstance(answer, Answer)
    assert answer.pause_seconds == 360


def test_throttling_takes_its_time_from_the_headers() -> None:
    """Retry-After takes precedence over the reset of an allowance."""
    headers = {"X-RateLimit-Remaining-Tokens": "0", "X-RateLimit-Reset-Tokens": "20ms"}
    error = met(answering("", 429, headers))
    assert isinstance(error, Throttled)
    assert error.retry_after == 0.02
    error = met(answering("", 429, headers | {"Retry-After": "3"}))
    assert isinstance(error, Throttled)
    assert error.retry_after == 3


def test_a_refused_key_is_not_shown() -> None:
    """If the upstream quotes the key in an error, the message does not show it."""
    error = met(answering('{"error":{"message":"unknown key sk-1"}}', 401))
    assert isinstance(error, BadKey)
    assert "sk-1" not in str(error)


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"\x1f\x8b...", {"Content-Encoding": "gzip"}), (b" " * (CAP_BYTES + 1), {})],
    ids=["compressed", "endless"],
)
def test_a_refusal_that_cannot_be_read_counts_by_its_status(
    body: bytes, headers: dict[str, str]
) -> None:
    """If the body of a refusal is compressed or endless, its status decides."""
    assert isinstance(met(answering(body, 429, headers)), Throttled)


async def refused_in_part(request: web.Request, *, ends: bool, then: bytes = b"") -> web.Response:
    """Answer 429 with the beginning of a body; then the connection ends, or nothing more comes."""
    await request.read()
    assert request.transport is not None
    head = (
        b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nX-Request-Id: 2025\r\nContent-Length: 999999\r\n\r\n"
    )
    request.transport.write(head + then)
    if ends:
        request.transport.close()
    else:
        await asyncio.Event().wait()
    return web.Response()


@pytest.mark.parametrize(
    ("ends", "then"),
    [(True, b'{"err'), (False, b'{"err'), (False, b""), (False, b"x" * error_body.MOST_BODY)],
    ids=["cut", "hanging", "nothing", "more than is read"],
)
@pytest.mark.parametrize("through_proxy", [False, True])
def test_an_incomplete_refusal_counts_by_its_head(
    monkeypatch: pytest.MonkeyPatch, *, ends: bool, then: bytes, through_proxy: bool
) -> None:
    """If the body of a refusal breaks off or does not end, status and headers decide, soon."""
    monkeypatch.setattr(http, "REFUSAL_SECONDS", 0.1)

    async def tried() -> Answer | UpstreamError:
        async with serving(partial(refused_in_part, ends=ends, then=then)) as address:
            if through_proxy:
                monkeypatch.setenv("http_proxy", address)
            made = DIALECTS["dmxapi"]()
            async with HttpProvider(url=f"{address}/", dialect=made, call_seconds=60) as provider:
                return await _outcome(provider, call())

    error = asyncio.run(asyncio.wait_for(tried(), timeout=30))
    assert isinstance(error, Throttled)
    assert (error.status, error.retry_after, error.request_id) == (429, 7, "2025")


def test_a_refusal_that_hangs_takes_no_longer_than_a_call() -> None:
    """The time limit of a call ends the reading of a refusal's body; the refusal itself counts."""

    async def tried() -> Answer | UpstreamError:
        async with serving(partial(refused_in_part, ends=False)) as address:
            made = DIALECTS["dmxapi"]()
            async with HttpProvider(url=f"{address}/", dialect=made, call_seconds=0.5) as provider:
                async with asyncio.timeout(http.REFUSAL_SECONDS):
                    return await _outcome(provider, call())

    assert isinstance(asyncio.run(tried()), Throttled)


@each_dialect
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "broken JSON"),
        ('{"error":{"message":"no luck","code":"x"}}', "an error under status 200"),
        ('{"detail":"no luck"}', "an error under status 200"),
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
    assert "luck" not in str(error)


@each_dialect
def test_a_web_page_is_no_endpoint(dialect: str) -> None:
    """With every dialect a web page with status 200 means that no rerank endpoint answered."""
    error = met(answering("<html>\n<h1>502</h1>"), dialect)
    assert isinstance(error, WrongEndpoint)
    assert "RERANKQ_UPSTREAM_URL" in str(error)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(GOOD["dmxapi"].encode()), {"Content-Encoding": "gzip"}),
        (
            gzip.compress(GOOD["dmxapi"].encode()),
            CIMultiDict([("Content-Encoding", "gzip"), ("Content-Encoding", "identity")]),
        ),
        (b"\xef\xbb\xbf" + GOOD["dmxapi"].encode(), {"Content-Encoding": "Identity"}),
        (GOOD["dmxapi"].replace("}]", ',"note":"\\x41\\ud800","more":NaN}]').encode(), {}),
    ],
    ids=["compressed", "two encodings", "byte order mark", "odd JSON"],
)
@pytest.mark.parametrize("status", [200, 201, 203, 206])
def test_an_answer_that_can_be_read_is_read(
    body: bytes, headers: Mapping[str, str], status: int
) -> None:
    """Answers that curl and httpx can read are used: any 2xx, compressed, or not quite JSON."""
    answer = met(answering(body, status, headers))
    assert isinstance(answer, Answer)
    assert [each.index for each in answer.scores] == [1, 0]


@pytest.mark.parametrize(
    ("body", "status", "headers", "words"),
    [
        (b"\x8b..", 200, {"Content-Encoding": "br"}, "it is compressed in an unknown way"),
        (gzip.compress(b" " * 2 * CAP_BYTES), 200, {"Content-Encoding": "gzip"}, "is over"),
        (b"", 204, {}, "answered 204 with no ranking"),
        (b"", 200, {}, "answered 200 with no ranking"),
        (b'{"id":"job"}', 202, {}, "without results"),
    ],
    ids=["unknown compression", "bomb", "204", "empty", "accepted"],
)
def test_a_success_without_a_ranking_is_malformed(
    body: bytes, status: int, headers: dict[str, str], words: str
) -> None:
    """A 2xx that is empty or cannot be read is malformed, and the error says why."""
    error = met(answering(body, status, headers))
    assert isinstance(error, Malformed)
    assert words in str(error)


def test_an_answer_with_foreign_documents_is_not_used() -> None:
    """An answer whose rows repeat documents of another job is not used."""
    row = '{"index":%d,"relevance_score":0.5,"document":{"text":"%s"}}'
    rows = ",".join(row % pair for pair in enumerate(("wash your hands", "shares rose today")))
    error = met(answering(f'{{"results":[{rows}]}}'))
    assert isinstance(error, Malformed)
    assert "another document" in str(error)
    assert "shares" not in str(error)


def test_a_call_that_was_cut_off_may_have_been_billed() -> None:
    """A connection that breaks after the request is transient, and not unreachable."""

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    error = met(handler)
    assert type(error) is Transient
    assert error.cause is Cause.CONNECTION_LOST


def test_an_answer_that_comes_byte_by_byte_times_out() -> None:
    """The time limit holds for the whole call, however slowly its bytes come."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async def tried() -> Answer | UpstreamError:
        async with serving(handler) as address:
            made = DIALECTS["dmxapi"]()
            async with HttpProvider(url=f"{address}/", dialect=made, call_seconds=0.2) as provider:
                return await _outcome(provider, call())

    error = asyncio.run(tried())
    assert type(error) is Transient
    assert str(error).startswith("no answer within 0.2 seconds: the answer began")
    assert error.cause is Cause.BODY_TIMEOUT


def test_the_proxy_that_the_environment_names_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls go through a proxy, unless the environment excepts their host."""
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return await answering(GOOD["dmxapi"])(request)  # type: ignore[return-value]

    async def tried(url: str) -> Answer | UpstreamError:
        async with serving(handler) as address:
            monkeypatch.setenv("http_proxy", address)
            dialect = DIALECTS["dmxapi"]()
            async with HttpProvider(url=url, dialect=dialect, call_seconds=5) as provider:
                return await _outcome(provider, call())

    assert isinstance(asyncio.run(tried("http://upstream.test/")), Answer)
    assert asked == ["http://upstream.test/"]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert isinstance(asyncio.run(tried(f"http://127.0.0.1:{free_port()}/")), Unreachable)
