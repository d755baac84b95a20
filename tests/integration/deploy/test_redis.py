"""Redis, by the very commands of the manifests."""

import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from running.manifests import EXAMPLE, compose_services, of_kind
from running.redis_server import free_port, server_binary
from running.waiting import eventually

PASSWORD = "0123456789abcdef"  # noqa: S105
SECRETS = {
    "compose": "/run/secrets/redis-password",
    "kubernetes": "/run/secrets/redis/redis-password",
}


def command_of(manifest: str) -> list[str]:
    """The words of the command, as the container gets them."""
    if manifest == "kubernetes":
        (pod,) = of_kind("StatefulSet", EXAMPLE).values()
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        return list(container["command"])
    # What Compose makes of its own two signs.
    words = compose_services()["redis"]["command"]
    return [each.replace("${REDIS_MAXMEMORY:-1gb}", "1gb").replace("$$", "$") for each in words]


@pytest.mark.parametrize("manifest", SECRETS)
def test_redis_keeps_its_data_and_its_password(manifest: str, tmp_path: Path) -> None:
    """It demands the password, shows it in no list of processes, and loses nothing it accepted."""
    secret, port = tmp_path / "password", free_port()
    secret.write_text(f"{PASSWORD}\n", "utf-8")
    here = {
        "redis-server -": f"{server_binary()} - --bind 127.0.0.1 --port {port}",
        SECRETS[manifest]: str(secret),
        "--dir /data": f"--dir {tmp_path}",
    }
    words = command_of(manifest)
    for there, replaced in here.items():
        assert sum(there in each for each in words) == 1, there
        words = [each.replace(there, replaced) for each in words]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        with Redis(port=port, password=PASSWORD) as redis:

            def answers() -> bool:
                assert process.poll() is None, (tmp_path / "log").read_text()
                try:
                    return bool(redis.ping())
                except RedisError:
                    return False

            eventually(answers, "Redis answers")
            set_to = redis.config_get("*")
            assert (set_to["appendonly"], set_to["appendfsync"]) == ("yes", "everysec")
            assert (set_to["maxmemory"], set_to["maxmemory-policy"]) == (str(2**30), "noeviction")
        with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        # Of the server itself: the shell has become it, so signals reach it too.
        seen = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert str(port) in seen.stdout
        assert PASSWORD not in seen.stdout
        process.terminate()
        assert process.wait(30) == 0
        assert list((tmp_path / "appendonlydir").iterdir())
    finally:
        process.kill()
        process.wait(30)
