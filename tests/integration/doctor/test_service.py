"""What doctor says of queues, workers and the gateway, and the command as a whole."""

import json
import os
import ssl
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import Lane
from rerankq.doctor import queues, settings, upstream, workers
from rerankq.doctor.finding import Level
from rerankq.ledger.presence import Presence
from rerankq_gateway.doctor import certificate, files, tokens
from running.command import rerankq
from running.examined import Doctor
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

SECRET = "s3cret-9"  # noqa: S105 - what must not be shown


def heard(redis_url: str, *told: tuple[str, float, str]) -> None:
    """Let Redis have heard of workers: by name, seconds ago and version."""
    with LedgerDesk(redis_url) as desk, Redis.from_url(redis_url) as client:
        for name, ago, its_version in told:
            client.zadd("rerankq:workers", {name: desk.now_ms() - ago * 1000})
            if its_version:
                desk.run(Presence(desk.store).introduce(name, its_version))


@pytest.mark.parametrize(
    ("told", "codes"),
    [
        ([], ["workers_none"]),
        ([("bulk.1@a.x", 3600, "")], ["workers_none"]),
        ([("bulk.1@a.x", 0, "0.1.0")], ["workers", "workers_lane_without"]),
        ([("bulk.1@a.x", 0, "9.9"), ("interactive.1@a.x", 0, "9.9")], ["workers_other_version"]),
        ([("bulk.1@a.x", 0, "0.1.0"), ("bulk.2@a.x", 0, "0.2.0")], ["workers_mixed"]),
        ([("bulk.1@a.x", 0, "0.1.0"), ("bulk.2@a.x", 0, "")], ["workers_mixed"]),
        ([("bulk.1@a.x", 0, "0.1.0"), ("bulk.2@a.x", 30, "0.1.0")], ["workers_silent"]),
    ],
)
def test_workers(
    doctor: Doctor, redis_url: str, told: Sequence[tuple[str, float, str]], codes: list[str]
) -> None:
    """Lanes, versions and silence are told from what the ledger heard."""
    heard(redis_url, *told)
    assert set(codes) <= doctor.found(workers.look).keys()


def test_a_real_worker_tells_its_version(
    doctor: Doctor, own_redis: RedisServer, tmp_path: Path
) -> None:
    """While it runs, it is known with its lane and version, and its account is usable."""
    doctor.set(REDIS_URL=own_redis.url)
    with (
        RunningSandbox(keys=("sk-test",)) as site,
        RunningWorker(own_redis.url, site.url, tmp_path, lane="") as worker,
        RerankClient(own_redis.url) as client,
    ):
        client.submit(query="q", documents=["a", "b"]).result(timeout=60)
        found = doctor.found(workers.look, upstream.look, queues.look)
        assert {each.level for each in found.values()} == {Level.OK}
        assert "1 of lane bulk, 1 of lane interactive" in found["workers"].what
        with LedgerDesk(own_redis.url) as desk:
            known = desk.run(Presence(desk.store).workers())
        assert {each.version for each in known} == {version("rerankq")}
        assert worker.terminate() == 0


def test_queues(doctor: Doctor, redis_url: str) -> None:
    """Jobs without a worker, a full lane, stale and foreign messages are found."""
    with RerankClient(redis_url) as client, Redis.from_url(redis_url) as redis:
        assert doctor.found(queues.look).keys() == {"lane_depth"}
        for _ in range(9):
            client.submit(query="q", documents=["a"])
        found = doctor.found(queues.look)
        assert f"start `rerankq worker --lane {Lane.BULK}`" in found["lane_unserved"].advice
        doctor.set(MAX_QUEUE_DEPTH="10")
        assert doctor.found(queues.look)["lane_nearly_full"].level is Level.WARNING
        doctor.set(MAX_QUEUE_DEPTH="9")
        assert "new jobs are refused" in doctor.found(queues.look)["lane_full"].what
        redis.lpush("rerankq.interactive", "a message without a job")
        redis.zadd("rerankq:dead", {"job": 1})
        redis.lpush("rerankq:poison", "{}")
        redis.hset("rerankq:poison:counts", "no hint", 3)
        found = doctor.found(queues.look)
        assert {"messages_stale", "jobs_failed", "messages_put_aside"} <= found.keys()
        assert "no hint 3" in found["messages_put_aside"].what


def test_what_is_out_of_use_upstream(doctor: Doctor, redis_url: str) -> None:
    """The reasons for which jobs wait, in the words of `rerankq status`."""
    with LedgerDesk(redis_url) as desk:
        assert doctor.found(upstream.look).keys() == {"upstream_unknown"}
        desk.exchange(want=1)
        assert doctor.found(upstream.look)["upstream"].what == "1 account usable: a"
        desk.trip("model a m", code="nonsense_scores")
        found = doctor.found(upstream.look)["upstream_out_of_use"]
        assert found.what == "model a m is parked (nonsense_scores: a reason)"


def test_settings(doctor: Doctor) -> None:
    """Misspelt and wrong settings are all named, and what `.env` adds to them; no value is."""
    Path(".env").write_text(
        f"RERANKQ_REDIS_ULR=redis://:{SECRET}@h\nRERANKQ_RESULT_TTL={SECRET}\nDMXAPI_API_KEY={SECRET}"
        "\nRERANKQ_MODEL=other\n"
    )
    Path(".env").chmod(0o644)
    doctor.set(RESUL_TTL="3", MODEL="m")
    doctor.environment(DMXAPI_API_KEY="sk-1", RERANKQ_API_KEYS="sk-2")
    found = doctor.found(settings.look)
    assert found["setting_unknown"].advice.startswith("did you mean RERANKQ_RE")
    assert {"setting_wrong", "env_file_open", "env_file_overridden", "settings_doubled"} <= set(
        found
    )
    assert SECRET not in str(found)
    Path(".env").write_bytes(b"\xff\xfe")
    assert "env_file_unreadable" in doctor.found(settings.look)


def self_signed(folder: Path, days: int) -> None:
    """A certificate and its key in a folder, valid for so many days."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=gateway", "-days", str(days)]
    names = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *names], check=True, capture_output=True)


def use(doctor: Doctor, certificate: Path, key: Path) -> None:
    """Let the gateway serve TLS with the files of these folders."""
    doctor.set(GATEWAY_TLS_CERT=str(certificate / "cert.pem"), GATEWAY_TLS_KEY=str(key / "key.pem"))


@pytest.mark.parametrize(
    ("days", "code"),
    [(90, "gateway_certificate"), (5, "gateway_certificate_ends")],
)
def test_the_certificate_of_the_gateway(
    doctor: Doctor, tmp_path: Path, days: int, code: str
) -> None:
    """How long it is valid is read before callers find out."""
    self_signed(tmp_path, days)
    doctor.set(
        GATEWAY_TLS_CERT=str(tmp_path / "cert.pem"), GATEWAY_TLS_KEY=str(tmp_path / "key.pem")
    )
    assert code in doctor.found(certificate.look)


def test_a_certificate_and_a_key_that_do_not_belong_together(
    doctor: Doctor, tmp_path: Path
) -> None:
    """It is said before the gateway's start fails."""
    other = tmp_path / "other"
    other.mkdir()
    self_signed(tmp_path, 90)
    self_signed(other, 90)
    use(doctor, tmp_path, other)
    found = doctor.found(certificate.look)["gateway_certificate_wrong"]
    assert "mismatch" in found.what


def test_a_certificate_that_has_ended(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired one is a fault, whatever OpenSSL calls it."""

    def refuse(*_: object) -> float:
        error = ssl.SSLCertVerificationError("certificate has expired")
        error.verify_code, error.verify_message = 10, "certificate has expired"
        raise error

    self_signed(tmp_path, 90)
    monkeypatch.setattr(certificate, "_ends", refuse)
    doctor.set(
        GATEWAY_TLS_CERT=str(tmp_path / "cert.pem"), GATEWAY_TLS_KEY=str(tmp_path / "key.pem")
    )
    assert "has expired" in doctor.found(certificate.look)["gateway_certificate_ended"].what


def test_the_files_and_tokens_of_the_gateway(doctor: Doctor, tmp_path: Path) -> None:
    """Its folder, its room and its tokens, as its start would meet them."""
    doctor.set(GATEWAY_FILES_DIR=str(tmp_path / "new" / "files"))
    assert doctor.found(files.look)["gateway_files"].level is Level.OK
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("no folder")
    doctor.set(GATEWAY_FILES_DIR=str(tmp_path / "file" / "files"))
    assert doctor.found(files.look)["gateway_files_unusable"].level is Level.FAULT
    doctor.set(GATEWAY_FILES_DIR=str(tmp_path), GATEWAY_FILES_BYTES=str(2**59))
    assert "gateway_files_disk" in doctor.found(files.look)
    assert doctor.found(tokens.look)["gateway_tokens_none"].level is Level.NOTE
    doctor.set(GATEWAY_HOST="0.0.0.0")  # noqa: S104 - only examined
    assert doctor.found(tokens.look)["gateway_open_to_all"].level is Level.FAULT
    with RerankClient(os.environ["RERANKQ_REDIS_URL"]) as client:
        client.tokens.create(tenant=None, scopes=["submit"])
    assert doctor.found(tokens.look)["gateway_tokens"].level is Level.OK


def test_the_command(redis_url: str, tmp_path: Path) -> None:
    """Its exit code is the worst level; `--json` has everything, and `--call` tells its cost."""
    with RunningSandbox() as site:
        given: dict[str, Any] = {
            "RERANKQ_REDIS_URL": redis_url,
            "RERANKQ_UPSTREAM_URL": site.url,
            "DMXAPI_API_KEY": SECRET,
            "RERANKQ_GATEWAY_FILES_DIR": str(tmp_path / "files"),
        }
        done = rerankq("doctor", "--call", cwd=tmp_path, **given)
        assert done.returncode == 1, done.stdout
        assert "2 calls of about" in done.stderr
        assert "0 faults, 1 warning" in done.stdout
        assert "WARNING  workers: no worker serves this Redis [workers_none]" in done.stdout
        quiet = rerankq("doctor", "--quiet", cwd=tmp_path, **given)
        assert [line[:7] for line in quiet.stdout.splitlines()] == ["WARNING", " " * 7, "0 fault"]
        broken = rerankq("doctor", "--json", cwd=tmp_path, RERANKQ_REDIS_ULR="x", **given)
        assert broken.returncode == 2
        told = json.loads(broken.stdout)
        assert told["level"] == "fault"
        links = {e["code"]: e["link"] for each in told["checks"] for e in each["findings"]}
        assert links["setting_unknown"] == "docs/doctor.md#setting_unknown"
        assert SECRET not in done.stdout + quiet.stdout + broken.stdout
