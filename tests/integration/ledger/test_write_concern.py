"""What a submit has promised is on the disk, or at replicas, as `RERANKQ_DURABILITY` demands."""

import asyncio
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rerankq import RerankClient
from rerankq.errors import LedgerUnavailable, SettingsError
from rerankq.ledger.intake import Intake
from rerankq.settings import ClientSettings
from rerankq.store import confirmation
from rerankq.store.first_contact import look
from rerankq.store.store import Store
from rerankq.store.write_concern import Durability, WriteConcern
from running.ledger_desk import job
from running.redis_server import RedisServer, server_binary, valkey_binary
from running.sentinel import follows

QUICK = "?socket_timeout=1"
"""The wait is half as long: for what a replica that is stopped never confirms."""
PATIENT = ""
"""The whole wait: for what a replica confirms, also on a busy machine."""
FEW, MANY = 1, 10
"""Jobs in one call: their payloads go through the script, or beside it in a transaction."""


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """Ends the servers of a test."""
    with ExitStack() as stack:
        yield stack


def _client(server: RedisServer, durability: str, options: str = QUICK) -> RerankClient:
    return RerankClient(
        settings=ClientSettings.load(redis_url=server.url + options, durability=durability)
    )


def _submitted(client: RerankClient, count: int, name: str) -> list[str]:
    drafts = [
        {"query": "q", "documents": ["d"], "job_id": f"{name}-{number}"} for number in range(count)
    ]
    return [each.id for each in client.submit_many(drafts)]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_submit_waits_for_a_replica(tmp_path: Path, started: ExitStack, count: int) -> None:
    """With `replica` a submit returns when the replica has it; otherwise it is uncertain."""
    primary, replica = _pair(tmp_path, started)
    with (
        _client(primary, "replica") as client,
        _client(primary, "replica", PATIENT) as patient,
        replica.client() as there,
    ):
        ids = _submitted(patient, count, "first")
        assert there.exists(*(f"rerankq:job:{each}" for each in ids)) == count

        assert replica.process
        replica.process.send_signal(signal.SIGSTOP)
        with pytest.raises(LedgerUnavailable, match="0 of 1 replicas had it") as caught:
            _submitted(client, count, "second")
        assert caught.value.uncertain
        assert not caught.value.lasting
        assert caught.value.job_ids == tuple(f"second-{number}" for number in range(count))
        # A repeat writes nothing new, and must not take that for a success.
        with pytest.raises(LedgerUnavailable, match="0 of 1 replicas had it"):
            _submitted(client, count, "second")
        replica.process.send_signal(signal.SIGCONT)
        ids = _submitted(patient, count, "second")
        assert there.exists(*(f"rerankq:job:{each}" for each in ids)) == count
        with primary.client() as admin:
            admin.execute_command("ACL", "SETUSER", "default", "-wait")
        with pytest.raises(LedgerUnavailable, match=r"forbids this user to wait .* add \+wait "):
            _submitted(patient, count, "third")


def test_a_broken_promise_is_trouble_until_one_is_kept(tmp_path: Path, started: ExitStack) -> None:
    """Calls that wait for nothing do not end it, so that it is told once, and its end once."""
    primary, replica = _pair(tmp_path, started)
    assert replica.process
    recovered: list[float] = []
    concern = WriteConcern(Durability.REPLICA)

    async def told(stopped: subprocess.Popen[bytes]) -> None:
        async with Store(primary.url + QUICK, concern=concern, recovered=recovered.append) as store:
            intake = Intake(store, max_queue_depth=9)
            stopped.send_signal(signal.SIGSTOP)
            with pytest.raises(LedgerUnavailable, match="0 of 1 replicas had it"):
                await intake.submit([job("a")])
            await store.command("PING")
            assert "0 of 1 replicas" in (store.answers.trouble or "")
            assert not recovered
            stopped.send_signal(signal.SIGCONT)
            await _until_kept(intake)
            assert store.answers.trouble is None

    asyncio.run(told(replica.process))
    assert len(recovered) == 1


async def _until_kept(intake: Intake) -> None:
    """Submit until the replica has it: on a busy machine it may take longer than one wait."""
    async with asyncio.timeout(60):
        while True:
            try:
                await intake.submit([job("a")])
            except LedgerUnavailable:
                continue
            return


def _pair(folder: Path, started: ExitStack) -> tuple[RedisServer, RedisServer]:
    for name in ("primary", "replica"):
        (folder / name).mkdir()
    primary = started.enter_context(RedisServer(folder / "primary"))
    options = ("--replicaof", f"127.0.0.1 {primary.port}")
    replica = started.enter_context(RedisServer(folder / "replica", options=options))
    follows(replica)
    return primary, replica


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_submit_waits_for_the_disk(
    tmp_path: Path, started: ExitStack, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """With `disk` and WAITAOF a submit returns after the sync; without one it is uncertain."""
    # Valkey has the command, though with `everysec` it is not trusted.
    monkeypatch.setattr(confirmation, "HONEST_WAITAOF", (7, 2))
    server = started.enter_context(RedisServer(tmp_path, fsync="always", binary=valkey_binary()))
    with _client(server, "disk") as client, server.client() as admin:
        _submitted(client, count, "first")
        admin.config_set("appendfsync", "no")
        for _ in range(2):
            with pytest.raises(LedgerUnavailable, match="has not synced it to its disk") as caught:
                _submitted(client, count, "second")
            assert caught.value.uncertain
        admin.config_set("appendfsync", "always")
        _submitted(client, count, "second")
        admin.config_set("appendonly", "no")
        with pytest.raises(LedgerUnavailable, match="has no append-only file"):
            _submitted(client, count, "third")


@pytest.mark.parametrize("binary", [server_binary, valkey_binary])
def test_without_a_waitaof_to_trust_each_write_must_be_synced(
    tmp_path: Path, started: ExitStack, binary: Callable[[], str]
) -> None:
    """Then a server can give `disk` with `appendfsync always` only; else it is said."""
    own_redis = started.enter_context(RedisServer(tmp_path, binary=binary()))
    with own_redis.client() as admin:
        disk = WriteConcern(Durability.DISK)
        with pytest.raises(SettingsError, match="appendfsync always"):
            asyncio.run(look(own_redis.url, concern=disk))
        with (
            _client(own_redis, "disk") as client,
            pytest.raises(LedgerUnavailable, match="appendfsync always"),
        ):
            _submitted(client, FEW, "first")
        admin.config_set("appendfsync", "always")
        assert asyncio.run(look(own_redis.url, concern=disk)) is None
        with _client(own_redis, "disk") as client:
            assert _submitted(client, MANY, "second")
        admin.execute_command("ACL", "SETUSER", "default", "-config")
        with pytest.raises(SettingsError, match=r"\+config\|get"):
            asyncio.run(look(own_redis.url, concern=disk))
