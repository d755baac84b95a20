"""OpenAI's files: uploaded, listed, downloaded, deleted; seen by their tenant alone."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from rerankq import RerankClient
from running.gateway import GatewayProcess
from running.redis_server import RedisServer
from running.waiting import eventually

LINES = b'{"custom_id": "a", "method": "POST", "url": "/v1/rerank", "body": {}}\n'
MOST = 200_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway keeps files."""
    return tmp_path_factory.mktemp("files") / "kept"


@pytest.fixture(scope="module")
def shared(
    _redis: RedisServer, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """One gateway for all tests of this module."""
    with GatewayProcess(
        tmp_path_factory.mktemp("gateway"),
        _redis.url,
        RERANKQ_GATEWAY_FILES_DIR=str(folder),
        RERANKQ_GATEWAY_MAX_UPLOAD=str(MOST),
    ) as gateway:
        yield gateway


@pytest.fixture
def url(shared: GatewayProcess, folder: Path, redis_url: str) -> str:
    """The gateway, with an empty ledger and an empty folder."""
    assert redis_url
    for left in folder.glob("*"):
        left.unlink()
    # Tokens of an earlier test are believed for a few seconds.
    eventually(lambda: requests.get(f"{shared.url}/v1/files", timeout=10).ok, "it is open")
    return shared.url


def upload(
    url: str, content: bytes = LINES, *, name: str = "jobs.jsonl", token: str = "", **fields: Any
) -> requests.Response:
    """Upload a file."""
    return requests.post(
        f"{url}/v1/files",
        files={"file": (name, content)},
        data={"purpose": "batch"} | fields,
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=30,
    )


def test_a_file_lives_as_with_openai(url: str, folder: Path) -> None:
    """Uploaded, described, downloaded byte for byte, also in parts, deleted, and gone."""
    made = upload(url, LINES * 100, name="../a/jobs.jsonl").json()
    assert (
        made.items()
        >= {
            "object": "file",
            "bytes": len(LINES) * 100,
            "filename": "jobs.jsonl",
            "purpose": "batch",
            "status": "processed",
        }.items()
    )
    assert made["expires_at"] - made["created_at"] == 30 * 86_400
    at = f"{url}/v1/files/{made['id']}"
    assert requests.get(at, timeout=10).json() == made
    whole = requests.get(f"{at}/content", timeout=10)
    assert whole.content == LINES * 100
    rest = requests.get(
        f"{at}/content",
        headers={"range": "bytes=1000-", "if-range": whole.headers["etag"]},
        timeout=10,
    )
    assert (rest.status_code, rest.content) == (206, (LINES * 100)[1000:])
    deleted = requests.delete(at, timeout=10).json()
    assert deleted == {"id": made["id"], "object": "file", "deleted": True}
    for gone in (
        requests.get(at, timeout=10),
        requests.get(f"{at}/content", timeout=10),
        requests.delete(at, timeout=10),
    ):
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "file_not_found")
    assert list(folder.iterdir()) == []


def test_lists_are_paged(url: str) -> None:
    """The newest first or the oldest; pages go on behind the last id, and leave nothing out."""
    ids = [upload(url).json()["id"] for _ in range(5)]
    for order, expected in (("desc", ids[::-1]), ("asc", ids)):
        seen: list[str] = []
        page: dict[str, Any] = {"has_more": True, "last_id": None}
        while page["has_more"]:
            query = {"limit": "2", "order": order, "after": page["last_id"]}
            page = requests.get(f"{url}/v1/files", params=query, timeout=10).json()
            seen += [each["id"] for each in page["data"]]
            assert page["first_id"] == page["data"][0]["id"]
        assert seen == expected
    other = requests.get(f"{url}/v1/files", params={"purpose": "evals"}, timeout=10).json()
    assert (other["data"], other["has_more"]) == ([], False)
    unknown = requests.get(f"{url}/v1/files", params={"after": "file-x"}, timeout=10)
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("fields", "content", "param"),
    [
        ({"purpose": "assistants"}, LINES, "purpose"),
        ({}, b"", "file"),
        ({"expires_after[anchor]": "now"}, LINES, "expires_after[anchor]"),
        ({"expires_after[seconds]": "60"}, LINES, "expires_after[seconds]"),
        ({"expires_after[seconds]": "never"}, LINES, "expires_after[seconds]"),
        ({"purpose": "x" * 5000}, LINES, None),
    ],
)
def test_a_wrong_upload_is_refused(
    url: str, folder: Path, fields: dict[str, str], content: bytes, param: str | None
) -> None:
    """400 names the part that is wrong, and nothing is kept."""
    answer = upload(url, content, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert not list(folder.glob("*"))
    missing = requests.post(f"{url}/v1/files", files={"purpose": (None, "batch")}, timeout=10)
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "file")


def test_a_file_over_the_cap_is_refused(url: str, folder: Path) -> None:
    """413: at once by its Content-Length, else as soon as it is over; nothing is kept."""
    assert upload(url, b"x" * (MOST + 1)).status_code == 413
    assert upload(url, b"x" * (2 * MOST)).status_code == 413
    assert list(folder.glob("*")) == []


def test_the_expiry_is_the_uploaders(url: str, redis_url: str) -> None:
    """`expires_after` is kept; after it the file is unknown."""
    fields = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    made = upload(url, LINES, **fields).json()
    assert made["expires_at"] - made["created_at"] == 3600
    with RerankClient(redis_url) as client:
        assert client.files.get(made["id"]).expires_at is not None


def test_a_file_is_its_tenants_alone(url: str, redis_url: str) -> None:
    """Another tenant's file is not found and not listed; the operator sees it."""
    with RerankClient(redis_url) as client:
        tokens = {
            each: client.tokens.create(tenant=each, scopes=["submit", "read"]).secret
            for each in ("red", "blue", None)
        }
        reader = client.tokens.create(tenant="red", scopes=["read"]).secret

    def asked(method: str, path: str, tenant: str | None) -> requests.Response:
        headers = {"authorization": f"Bearer {tokens[tenant]}"}
        return requests.request(method, f"{url}/v1/files{path}", headers=headers, timeout=10)

    eventually(
        lambda: requests.get(f"{url}/v1/files", timeout=10).status_code == 401, "tokens hold"
    )
    made = upload(url, token=tokens["red"] or "").json()
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert asked(method, f"/{made['id']}{path}", "blue").status_code == 404
    assert asked("GET", f"?after={made['id']}", "blue").status_code == 404
    assert asked("GET", "", "blue").json()["data"] == []
    for tenant in ("red", None):
        assert [each["id"] for each in asked("GET", "", tenant).json()["data"]] == [made["id"]]
    assert upload(url, token=reader).status_code == 403


def test_an_upload_that_is_cut_leaves_nothing(
    url: str, folder: Path, shared: GatewayProcess
) -> None:
    """A sender that goes away, or whose form ends early, has uploaded nothing."""
    head = (
        b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + LINES
    )
    with socket.create_connection(("127.0.0.1", shared.port)) as sender:
        sender.sendall(head)
        eventually(lambda: list(folder.glob("*.coming")), "the upload has begun")
    eventually(lambda: not list(folder.glob("*")), "nothing is left")
    short = requests.post(
        f"{url}/v1/files",
        data=head.partition(b"\r\n\r\n")[2],
        headers={"content-type": "multipart/form-data; boundary=b"},
        timeout=10,
    )
    assert (short.status_code, short.json()["error"]["code"]) == (400, "invalid_body")
    assert not list(folder.glob("*"))


def test_a_file_outlives_its_gateway(tmp_path: Path, redis_url: str) -> None:
    """What was answered is on the disk and in the ledger, also when the gateway is killed then."""
    place = {"RERANKQ_GATEWAY_FILES_DIR": str(tmp_path / "files")}
    with GatewayProcess(tmp_path, redis_url, **place) as first:
        made = upload(first.url).json()
        first.stop(signal.SIGKILL)
    with GatewayProcess(tmp_path, redis_url, **place) as second:
        found = requests.get(f"{second.url}/v1/files/{made['id']}/content", timeout=10)
        assert found.content == LINES
