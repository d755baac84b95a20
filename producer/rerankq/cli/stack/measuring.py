"""Metrics of what a stack starts: where processes show them, and a Prometheus that reads them."""

import importlib.util
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from rerankq.cli.failures import CommandError
from rerankq.cli.settings import ENV_FILE
from rerankq.cli.stack.ports import free_port, is_free
from rerankq.extras import install
from rerankq.variables import read_one

LOOPBACK: Final = "127.0.0.1"
NO_PROMETHEUS: Final = (
    "no prometheus on PATH: install Debian's package prometheus, or get it from "
    "https://prometheus.io/download/, and start again"
)
_IN_CHECKOUT: Final = Path(__file__).parents[4] / "ops" / "prometheus" / "rules"


class Measuring(NamedTuple):
    """Where metrics answer.

    Attributes:
        settings: variables for the processes.
        targets: hosts and ports of the processes, by the name of the job in Prometheus.
    """

    settings: Mapping[str, str]
    targets: Mapping[str, list[str]]


def measuring() -> Measuring:
    """Ports for the metrics of a worker with two lanes and a gateway; those that are set stay.

    Raises:
        CommandError: the library is not installed.
    """
    if importlib.util.find_spec("prometheus_client") is None:
        raise CommandError(f"metrics need an extra that is not installed: {install('metrics')}")
    health = _port("RERANKQ_HEALTH_PORT") or _two_free_ports()
    gateway = _port("RERANKQ_GATEWAY_METRICS_PORT") or free_port()
    processes = _port("RERANKQ_GATEWAY_WORKERS") or 1
    return Measuring(
        settings={
            "RERANKQ_METRICS": "1",
            "RERANKQ_HEALTH_PORT": str(health),
            "RERANKQ_GATEWAY_METRICS_PORT": str(gateway),
        },
        targets={
            "rerankq-worker": [_target("RERANKQ_HEALTH_HOST", health + nth) for nth in range(2)],
            "rerankq-gateway": [
                _target("RERANKQ_GATEWAY_METRICS_HOST", gateway + nth) for nth in range(processes)
            ],
        },
    )


def prometheus_command(
    folder: Path, targets: Mapping[str, list[str]], port: int
) -> tuple[str, ...] | None:
    """Write a configuration, and return the command that runs Prometheus by it.

    Args:
        folder: for its configuration and data.
        targets: see `Measuring`.
        port: where it listens, on this machine only.

    Returns:
        None when there is no Prometheus on PATH.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    configuration = {
        "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
        "rule_files": [str(rules() / "*.yml")],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": each}]}
            for name, each in targets.items()
        ],
    }
    # JSON is YAML too.
    page = folder / "prometheus.yml"
    page.write_bytes(orjson.dumps(configuration, option=orjson.OPT_INDENT_2))
    return (
        binary,
        f"--config.file={page}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    )


def rules() -> Path:
    """The folder of recording rules and alerts: in the package, or in the checkout."""
    packaged = Path(str(files("rerankq.monitoring"))) / "rules"
    return packaged if packaged.is_dir() else _IN_CHECKOUT


def _port(name: str) -> int:
    given = read_one(name, env_file=ENV_FILE)
    return int(given) if given.isdecimal() else 0


def _target(name: str, port: int) -> str:
    host = read_one(name, env_file=ENV_FILE) or LOOPBACK
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _two_free_ports() -> int:
    """The first of two free ports in a row."""
    while True:
        first = free_port()
        if is_free(LOOPBACK, first + 1):
            return first
