"""OpenAI's batches: from a file to the files with their results."""

import asyncio
import functools
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from redis import Redis

from rerankq import AsyncRerankClient, RerankClient
from rerankq.client.files import new_file_id
from rerankq.client.webhooks import Kind, Outbox
from rerankq.events import Event, Events, ImportBegan, ImportEnded
from rerankq_gateway.batches.importer import Importer
from rerankq_gateway.batches.note import Note
from rerankq_gateway.files.directory import Directory
from rerankq_gateway.parts import Parts
from rerankq_gateway.settings import GatewaySettings
from rerankq_gateway.shutdown import Shutdown
from running.gateway import GatewayProcess
from running.keys import KEYS
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

ENDS: Final = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where gateways keep files."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def shared(
    _redis: RedisServer, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """One gateway for all tests of this module."""
    where = {"RERANKQ_GATEWAY_FILES_DIR": str(folder)}
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), _redis.url, **where) as gateway:
        yield gateway


@pytest.fixture
def url(shared: GatewayProcess, redis_url: str) -> str:
    """The gateway's address below which OpenAI's routes are, with an empty ledger."""
    assert redis_url
    # Tokens of an earlier test are believed for a few seconds.
    eventually(lambda: requests.get(f"{shared.url}/v1/files", timeout=10).ok, "it is open")
    return f"{shared.url}/v1"


def line(number: int, **fields: Any) -> dict[str, Any]:
    """A line of a file; every tenth job fails."""
    body = {"query": "fail" if number % 10 == 9 else "q", "documents": ["canary one", "two"]}
    return {
        "custom_id": f"c{number}",
        "method": "POST",
        "url": "/v1/rerank",
        "body": body,
        **fields,
    }


def uploaded(url: str, lines: list[dict[str, Any]], token: str = "") -> str:
    """The id of a new file with these lines."""
    content = "\n".join(json.dumps(each) for each in lines)
    answer = requests.post(
        f"{url}/files",
        files={"file": ("jobs.jsonl", content)},
        data={"purpose": "batch"},
        headers=bearer(token),
        timeout=30,
    )
    return str(answer.json()["id"])


def bearer(token: str) -> dict[str, str]:
    """The header with a token."""
    return {"authorization": f"Bearer {token}"} if token else {}


def opened(url: str, file_id: str, **fields: Any) -> dict[str, Any]:
    """A new batch of a file."""
    answer = requests.post(
        f"{url}/batches",
        json={"input_file_id": file_id, "endpoint": "/v1/rerank", "completion_window": "24h"}
        | fields,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def now(url: str, batch_id: str) -> dict[str, Any]:
    """How the batch stands."""
    found: dict[str, Any] = requests.get(f"{url}/batches/{batch_id}", timeout=10).json()
    return found


def ended(url: str, batch_id: str) -> dict[str, Any]:
    """The batch once it has ended."""
    return eventually(
        lambda: found if (found := now(url, batch_id))["status"] in ENDS else None, "it has ended"
    )


def rows(url: str, file_id: str) -> list[dict[str, Any]]:
    """The lines of a file with results."""
    content = requests.get(f"{url}/files/{file_id}/content", timeout=30)
    assert content.status_code == 200, content.text
    return [json.loads(each) for each in content.text.splitlines()]


def test_a_file_becomes_results(url: str, redis_url: str) -> None:
    """Each line has one result, in one of two files, which can be asked about and read."""
    with StandInWorker(redis_url):
        made = opened(url, uploaded(url, [line(n) for n in range(300)]), metadata={"a": "b"})
        assert made["status"] in {"validating", "in_progress"}
        found = ended(url, made["id"])
    assert found["status"] == "completed"
    assert found["metadata"] == {"a": "b"}
    assert found["request_counts"] == {"total": 300, "completed": 270, "failed": 30}
    good, bad = rows(url, found["output_file_id"]), rows(url, found["error_file_id"])
    assert {each["custom_id"] for each in good + bad} == {f"c{n}" for n in range(300)}
    assert (len(good), len(bad)) == (270, 30)
    assert good[0]["response"]["body"]["results"][0]["document"]["text"] == "canary one"
    file = requests.get(f"{url}/files/{found['output_file_id']}", timeout=10).json()
    size = len(requests.get(f"{url}/files/{found['output_file_id']}/content", timeout=10).content)
    assert (file["bytes"], file["purpose"]) == (size, "batch_output")


def test_a_cut_download_goes_on(url: str, redis_url: str) -> None:
    """The rest of the file, from any byte, is what the whole has there."""
    with StandInWorker(redis_url):
        made = opened(url, uploaded(url, [line(n) for n in range(600)]))
        found = ended(url, made["id"])
    at = f"{url}/files/{found['output_file_id']}/content"
    whole = requests.get(at, timeout=30)
    size = len(whole.content)
    for start in (0, 1, size // 3, size - 1):
        headers = {"range": f"bytes={start}-", "if-range": whole.headers["etag"]}
        rest = requests.get(at, headers=headers, timeout=30)
        assert rest.status_code == 206
        assert rest.headers["content-range"] == f"bytes {start}-{size - 1}/{size}"
        assert rest.content == whole.content[start:]
    other = requests.get(at, headers={"range": "bytes=5-", "if-range": '"x"'}, timeout=30)
    assert (other.status_code, other.content) == (200, whole.content)
    assert requests.get(at, headers={"range": f"bytes={size}-"}, timeout=30).status_code == 416


def test_bad_lines_are_named_and_nothing_is_submitted(url: str, redis: Redis) -> None:
    """Each with its line, field and reason; the batch has failed, and no job was made."""
    bad = [
        line(0),
        line(1, method="GET"),
        line(2, body={"query": "q", "documents": []}),
        line(3, custom_id=None),
    ]
    found = ended(url, opened(url, uploaded(url, bad))["id"])
    assert found["status"] == "failed"
    assert [(each["line"], each["param"]) for each in found["errors"]["data"]] == [
        (2, "method"),
        (3, "body.documents"),
        (4, "custom_id"),
    ]
    twice = [line(0), line(1, method="GET"), line(0), {}, line(1)]
    errors = ended(url, opened(url, uploaded(url, twice))["id"])["errors"]["data"]
    assert [(each["code"], each["line"]) for each in errors] == [
        ("invalid_request", 2),
        ("duplicate_custom_id", 3),
        ("invalid_request", 4),
    ]
    many = ended(url, opened(url, uploaded(url, [line(0), *[{}] * 1234]))["id"])["errors"]["data"]
    assert [each["line"] for each in many] == [*range(2, 52), None]
    assert many[-1]["code"] == "more_errors"
    assert many[-1]["message"].startswith("1,184 more lines are bad")
    empty = requests.get(f"{url}/files/file-out-{found['id']}/content", timeout=10)
    assert empty.status_code == 404
    assert not redis.keys("rerankq:job:*")


def test_files_with_results_cannot_be_deleted(url: str, redis_url: str) -> None:
    """A caller who deletes one learns that it is still there; one that is not there is unknown."""
    with StandInWorker(redis_url):
        made = ended(url, opened(url, uploaded(url, [line(0)]))["id"])
    kept = requests.delete(f"{url}/files/{made['output_file_id']}", timeout=10)
    assert (kept.status_code, kept.json()["error"]["code"]) == (409, "file_of_batch")
    assert "was not deleted" in kept.json()["message"]
    assert len(rows(url, made["output_file_id"])) == 1
    for name in (f"file-err-{made['id']}", "file-out-batch-never"):
        assert requests.delete(f"{url}/files/{name}", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("lines", "counts"),
    [([line(0), line(1)], (2, 0, 2)), ([line(0), line(1, url="/x"), line(0)], (2, 2, 0))],
)
def test_the_events_of_an_import(
    redis_url: str, tmp_path: Path, lines: list[dict[str, Any]], counts: tuple[int, int, int]
) -> None:
    """One when the file begins to be checked, one at the end, with what was found in it."""
    events = Events()
    told: list[Event] = []
    for kind in (ImportBegan, ImportEnded):
        events.listen(told.append, kind)
    batch_id = asyncio.run(imported(redis_url, tmp_path, lines, events))
    good, bad, submitted = counts
    assert told == [
        ImportBegan(batch_id=batch_id, tenant=None),
        ImportEnded(batch_id=batch_id, tenant=None, lines=good, bad=bad, submitted=submitted),
    ]


async def imported(
    redis_url: str, folder: Path, lines: list[dict[str, Any]], events: Events
) -> str:
    """Fill a batch from a file with these lines, in this process; returns its id."""
    settings = GatewaySettings.load(redis_url=redis_url)
    store, note = Directory(folder, most=10**6), Note(new_file_id(), "/v1/rerank", "24h")
    content = b"\n".join(json.dumps(each).encode() for each in lines)

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    async with AsyncRerankClient(settings=settings, events=events) as client:
        parts = Parts.of(settings, client, Shutdown(0.0))
        stored = await store.put(note.file, chunks(), most=10**6)
        await client.files.add(
            note.file,
            filename="a",
            size=stored.size,
            sha256=stored.sha256,
            purpose="batch",
            kept_seconds=60.0,
        )
        batch = await client.open_batch(details=note.details())
        await client.imports.begin(batch.id)
        await Importer(parts, store).step()
        return batch.id


NESTED: Final[dict[str, Any]] = functools.reduce(lambda inner, _: {"a": inner}, range(400), {})


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"endpoint": "/v1/chat/completions"}, 400, "endpoint"),
        ({"completion_window": "soon"}, 400, "completion_window"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata"),
        ({"metadata": NESTED}, 400, None),
        ({"input_file_id": "file-none"}, 404, "input_file_id"),
        ({"input_file_id": 7}, 400, "input_file_id"),
        ({"output_expires_after": {"seconds": 1}}, 400, "output_expires_after.seconds"),
    ],
)
def test_a_wrong_batch_is_refused(
    url: str, fields: dict[str, Any], status: int, param: str | None
) -> None:
    """The error names the field, as OpenAI's clients expect it: 400, or 404 for a file."""
    given = {"input_file_id": uploaded(url, [line(0)]), "endpoint": "/v1/rerank"} | fields
    answer = requests.post(f"{url}/batches", json=given, timeout=10)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert requests.get(f"{url}/batches", timeout=10).json()["data"] == []


def test_a_key_makes_one_batch(url: str) -> None:
    """A repeat with the same Idempotency-Key gives the same batch; for another file it is 422."""
    first, second = (uploaded(url, [line(0)]) for _ in range(2))

    def asked(file_id: str) -> requests.Response:
        return requests.post(
            f"{url}/batches",
            json={"input_file_id": file_id, "endpoint": "/v1/rerank"},
            headers={"idempotency-key": "k"},
            timeout=10,
        )

    assert asked(first).json()["id"] == asked(first).json()["id"]
    assert (asked(second).status_code, len(listed(url))) == (422, 1)
    assert requests.delete(f"{url}/files/{first}", timeout=10).ok
    assert asked(first).headers["idempotent-replayed"] == "true"


def listed(url: str, **query: str) -> list[str]:
    """The ids of a page of batches."""
    page = requests.get(f"{url}/batches", params=query, timeout=10).json()
    return [each["id"] for each in page["data"]]


def test_batches_are_listed_newest_first(url: str) -> None:
    """Pages go on behind the last id, and leave nothing out."""
    file_id = uploaded(url, [line(0)])
    ids = [opened(url, file_id)["id"] for _ in range(5)][::-1]
    assert listed(url) == ids
    assert listed(url, limit="2") + listed(url, limit="3", after=ids[1]) == ids
    page = requests.get(f"{url}/batches", params={"limit": "2"}, timeout=10).json()
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, ids[0], ids[1])


def test_a_cancelled_batch_says_so_for_each_job(url: str, redis_url: str) -> None:
    """Jobs that had not ended are in the error file."""
    with StandInWorker(redis_url, holds=True):
        made = opened(url, uploaded(url, [line(n) for n in range(20)]))
        eventually(lambda: now(url, made["id"])["rerankq"]["sealed"], "it is filled")
        requests.post(f"{url}/batches/{made['id']}/cancel", timeout=10)
        found = ended(url, made["id"])
    assert (found["status"], found["output_file_id"]) == ("cancelled", None)
    codes = [each["error"]["code"] for each in rows(url, found["error_file_id"])]
    assert codes == ["batch_cancelled"] * 20


def test_a_killed_import_goes_on(tmp_path: Path, own_redis: RedisServer) -> None:
    """After its gateway was killed with a part of the jobs submitted: none twice, none missing."""
    where = {"RERANKQ_GATEWAY_FILES_DIR": str(tmp_path / "files")}
    with GatewayProcess(tmp_path, own_redis.url, RERANKQ_MAX_QUEUE_DEPTH="10", **where) as first:
        made = opened(f"{first.url}/v1", uploaded(f"{first.url}/v1", [line(n) for n in range(30)]))
        at = f"{first.url}/v1"
        eventually(lambda: now(at, made["id"])["rerankq"]["total"] == 10, "the lane is full")
        first.stop(signal.SIGKILL)
    # As if the half minute of the killed gateway were over.
    with Redis.from_url(own_redis.url) as redis:
        redis.zadd("rerankq:imports", {made["id"]: 0})
    with GatewayProcess(tmp_path, own_redis.url, **where) as second, StandInWorker(own_redis.url):
        at = f"{second.url}/v1"
        found = ended(at, made["id"])
        names = [
            each["custom_id"]
            for file in ("output_file_id", "error_file_id")
            for each in rows(at, found[file])
        ]
    assert sorted(names) == sorted(f"c{n}" for n in range(30))
    assert found["request_counts"] == {"total": 30, "completed": 27, "failed": 3}


def test_an_import_that_was_only_taken_goes_on(url: str, redis_url: str, redis: Redis) -> None:
    """After its gateway was killed before the first job; and without its file the batch fails."""
    file_id, gone = (uploaded(url, [line(n) for n in range(3)]) for _ in range(2))

    async def taken(name: str, file: str) -> None:
        """Open a batch, and take the work like a gateway that dies then."""
        details = {"openai": {"file": file, "endpoint": "/v1/rerank", "window": "24h"}}
        async with AsyncRerankClient(redis_url) as client:
            await client.imports.announce(name)
            await client.batch(name, details=details).open()
            redis.zadd("rerankq:imports", {name: 0})
            if await client.imports.take(name, "dead"):
                assert not await client.imports.take(name, "other")
                redis.zadd("rerankq:imports", {name: 0})

    assert requests.delete(f"{url}/files/{gone}", timeout=10).ok
    asyncio.run(taken("batch-left", file_id))
    asyncio.run(taken("batch-lost", gone))
    with StandInWorker(redis_url):
        assert ended(url, "batch-left")["request_counts"]["completed"] == 3
        lost = ended(url, "batch-lost")
    assert lost["status"] == "failed"
    assert lost["errors"]["data"][0]["code"] == "file_not_found"


def test_lines_past_the_window_are_told(url: str, redis_url: str, redis: Redis) -> None:
    """When the window is over before the lines became jobs, each is in the error file."""
    file_id = uploaded(url, [line(n) for n in range(4)])
    details = {
        "openai": {
            "file": file_id,
            "endpoint": "/v1/rerank",
            "window": "1s",
            "lines": 4,
            "began": 1.0,
        }
    }
    with RerankClient(redis_url) as client:
        client.batch("batch-late", details=details, deadline_seconds=0.001).open()
    redis.zadd("rerankq:imports", {"batch-late": 0})
    found = ended(url, "batch-late")
    assert (found["status"], found["output_file_id"]) == ("expired", None)
    assert found["request_counts"] == {"total": 4, "completed": 0, "failed": 4}
    lines = rows(url, found["error_file_id"])
    assert [each["custom_id"] for each in lines] == ["c0", "c1", "c2", "c3"]
    assert {each["error"]["code"] for each in lines} == {"batch_expired"}
    # Without the input nobody knows these lines: the rest of another file must not be sent.
    at = f"{url}/files/{found['error_file_id']}/content"
    etag = requests.get(at, timeout=10).headers["etag"]
    assert requests.delete(f"{url}/files/{file_id}", timeout=10).ok
    rest = requests.get(at, headers={"range": "bytes=9-", "if-range": etag}, timeout=10)
    assert (rest.status_code, rest.content) == (200, b"")
    assert rest.headers["etag"] != etag


def test_a_batch_whose_file_was_read_in_part_expires(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    """Its window ends after all its jobs have, but before its other lines were read: it expired."""
    where = {"RERANKQ_GATEWAY_FILES_DIR": str(tmp_path / "files")}
    with GatewayProcess(tmp_path, own_redis.url, RERANKQ_MAX_QUEUE_DEPTH="2", **where) as gateway:
        at = f"{gateway.url}/v1"
        batch_id = opened(at, uploaded(at, [line(n) for n in range(5)]))["id"]
        eventually(lambda: now(at, batch_id)["rerankq"]["total"] == 2, "the lane is full")
        gateway.stop(signal.SIGKILL)
    with LedgerDesk(own_redis.url) as desk, RerankClient(own_redis.url) as client:
        with StandInWorker(own_redis.url):
            eventually(lambda: client.batch(batch_id).status().succeeded == 2, "they have ended")
        webhook = client.webhooks.create("https://example.com/")
        desk.redis.hset(KEYS.batch(batch_id), "deadline", 1)
        desk.redis.zadd(KEYS.batches_deadlines, {batch_id: 1})
        desk.sweep()
        (told,) = desk.run(Outbox(desk.store).take(Kind.HTTP, 9, at_once=9, lease_seconds=60))
        # As if the half minute of the killed gateway were over.
        desk.redis.zadd(KEYS.imports, {batch_id: 0})
        with GatewayProcess(tmp_path, own_redis.url, **where) as gateway:
            at = f"{gateway.url}/v1"
            eventually(lambda: not desk.redis.zcard(KEYS.imports), "the import is over")
            found = now(at, batch_id)
            left = {each["error"]["code"] for each in rows(at, found["error_file_id"])}
    assert (told.type, told.id, told.target) == ("batch.expired", batch_id, webhook.id)
    assert (found["status"], found["rerankq"]["state"]) == ("expired", "expired")
    assert found["request_counts"] == {"total": 5, "completed": 2, "failed": 3}
    assert left == {"batch_expired"}


def test_a_batch_is_its_tenants_alone(url: str, redis_url: str) -> None:
    """Another tenant finds neither batch nor results, and can make none of another's file."""
    with RerankClient(redis_url) as client:
        red, blue = (
            client.tokens.create(tenant=each, scopes=["submit", "read"]).secret
            for each in ("red", "blue")
        )
    eventually(lambda: requests.get(f"{url}/files", timeout=10).status_code == 401, "tokens hold")
    file_id = uploaded(url, [line(0), line(9)], red)
    given = {"input_file_id": file_id, "endpoint": "/v1/rerank"}

    def asked(method: str, path: str, token: str, **more: Any) -> requests.Response:
        return requests.request(method, f"{url}/{path}", headers=bearer(token), timeout=10, **more)

    assert asked("POST", "batches", blue, json=given).status_code == 404
    made = asked("POST", "batches", red, json=given).json()["id"]
    with StandInWorker(redis_url):
        eventually(
            lambda: asked("GET", f"batches/{made}", red).json()["status"] == "completed",
            "it has ended",
        )
    for path in (f"batches/{made}", f"files/file-out-{made}", f"files/file-err-{made}/content"):
        assert asked("GET", path, red).status_code == 200
        assert asked("GET", path, blue).status_code == 404
    assert asked("POST", f"batches/{made}/cancel", blue).status_code == 404
    assert asked("GET", "batches", blue).json()["data"] == []


def test_results_are_not_there_before_the_end(url: str, redis_url: str) -> None:
    """409 says where the results so far are; no log line has a document."""
    with StandInWorker(redis_url, holds=True):
        made = opened(url, uploaded(url, [line(0)]))["id"]
        eventually(lambda: now(url, made)["rerankq"]["sealed"], "it is filled")
        early = requests.get(f"{url}/files/file-out-{made}/content", timeout=10)
        assert (early.status_code, early.json()["error"]["code"]) == (409, "batch_not_ended")


def test_nothing_private_is_logged(shared: GatewayProcess) -> None:
    """No document of the tests before."""
    assert "canary" not in shared.log()
    assert "Traceback" not in shared.log()
