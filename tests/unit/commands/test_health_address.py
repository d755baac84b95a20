import socket

import pytest

from rerankq.errors import SettingsError
from rerankq_worker.commands.worker import check_health_address
from rerankq_worker.settings import WorkerSettings


def settings(host: str, port: int) -> WorkerSettings:
    return WorkerSettings.load(
        health_host=host, health_port=port, api_keys="sk-0123456789abcdef", _env_file=None
    )


@pytest.mark.parametrize("host", ["no-host.invalid", "203.0.113.9"])
def test_a_host_that_is_not_here_is_blamed_on_the_host(host: str) -> None:
    """A name that is not known, or an address of another machine, is no fault of the port."""
    with pytest.raises(SettingsError, match=f"^RERANKQ_HEALTH_HOST: {host} is no address of this"):
        check_health_address(settings(host, 8080))


def test_a_port_that_is_taken_is_blamed_on_the_port() -> None:
    """A port on which something else listens is named with its setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"^RERANKQ_HEALTH_PORT: 127.0.0.1:{port} cannot"):
            check_health_address(settings("127.0.0.1", port))
