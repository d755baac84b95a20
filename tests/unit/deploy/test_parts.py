"""What Compose, Kubernetes and systemd start: each part would start so, and stop in time."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from rerankq.cli.commands import COMMANDS, loaded
from rerankq.cli.settings import CommandSettings
from rerankq.secret_files import SECRETS, file_name_of
from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES, refuse_unknown
from rerankq_gateway.health.routes import OPEN_PATHS
from rerankq_gateway.server import AFTER_DRAIN_SECONDS
from rerankq_gateway.settings import GatewaySettings
from rerankq_worker.process.shutdown_deadline import LAST_WORDS_SECONDS, SETTLE_SECONDS
from rerankq_worker.settings import WorkerSettings
from running.manifests import BASE, COMPOSE, OPS, Part, of_kind, parts, read

PARTS = parts()
KEYS = "upstream-keys"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is set inside of containers
WORTH = {
    "redis-password": "p@ss",
    KEYS: "sk-0123456789abcdef",
    "gateway-tokens": f"rk_{'0123456789' * 5}",
    "flower-auth": "me:secret",
}
"""Contents of the secrets."""

each_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.where)


@pytest.fixture
def settings(part: Part, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ClientSettings:
    """The settings as the part reads them, with its secrets in place."""
    for name in os.environ:
        if name.startswith(("RERANKQ_", "DMXAPI_")):
            monkeypatch.delenv(name)
    for each in part.secrets:
        name = each.rpartition("/")[2]
        (tmp_path / name).write_text(f"{WORTH[name]}\n", "utf-8")
    for name, value in part.environment.items():
        here = f"{tmp_path}/{value.rpartition('/')[2]}" if name.endswith("_FILE") else value
        monkeypatch.setenv(name, here)
    kinds: dict[str, type[ClientSettings]] = {
        "worker": WorkerSettings,
        "gateway": GatewaySettings,
        "flower": CommandSettings,
    }
    return kinds[part.kind].load()


def test_each_way_starts_the_same_parts() -> None:
    """A worker a lane, a gateway and Flower, by Compose, Kubernetes and systemd."""
    for way in ("compose", "kubernetes", "systemd"):
        kinds = sorted(part.kind for part in PARTS if part.where.startswith(way))
        assert kinds == ["flower", "gateway", "worker", "worker"]
        lanes = {part.words[2] for part in PARTS if part.kind == "worker"}
        assert lanes == {"bulk", "interactive"}


@each_part
def test_its_command_line_is_one_that_the_command_takes(part: Part) -> None:
    """Each word is parsed by the command itself, but nothing is run."""
    (row,) = (row for row in COMMANDS if row.name == part.words[0])
    context = loaded(row).make_context(row.name, list(part.words[1:]))
    assert context.params


@each_part
def test_its_settings_are_read(part: Part, settings: ClientSettings) -> None:
    """There is a setting for each variable, its value is accepted, and it finds Redis' password."""
    assert "p%40ss" in settings.redis_url
    refuse_unknown((*ClientSettings.names(), *OTHER_NAMES))
    if isinstance(settings, WorkerSettings):
        assert settings.sites({})
    if isinstance(settings, GatewaySettings):
        assert settings.tokens
    if isinstance(settings, CommandSettings):
        assert settings.flower_auth
    assert part.kind != "worker" or "--lane" in part.words


@each_part
def test_it_gets_those_secrets_that_it_reads(part: Part) -> None:
    """No secret is in a variable; none is given that is not read; only workers get keys."""
    named = {
        value
        for name, value in part.environment.items()
        if name in {file_name_of(each) for each in SECRETS}
    }
    assert named == part.secrets
    assert any(each.endswith(f"/{KEYS}") for each in named) is (part.kind == "worker")
    for name in SECRETS:
        value = part.environment.get(name, "")
        assert not value or (name == "RERANKQ_REDIS_URL" and "@" not in value)


@each_part
def test_it_has_the_time_to_end_by_itself(part: Part, settings: ClientSettings) -> None:
    """It gets SIGKILL only after its drain, and all that may follow."""
    if isinstance(settings, WorkerSettings):
        assert "RERANKQ_DRAIN_SECONDS" in part.environment, "it is beside the time to stop"
        # What the README says is enough; and what the worker takes at most.
        assert part.stop_seconds >= settings.drain_seconds + 15
        assert part.stop_seconds >= settings.drain_seconds + SETTLE_SECONDS + LAST_WORDS_SECONDS
    elif isinstance(settings, GatewaySettings):
        assert "RERANKQ_GATEWAY_DRAIN_SECONDS" in part.environment
        assert part.stop_seconds >= settings.drain_seconds + AFTER_DRAIN_SECONDS + 5
    else:
        # Writing 100,000 jobs takes Flower 3 seconds.
        assert part.stop_seconds >= 10


@pytest.mark.parametrize(
    "part", [part for part in PARTS if part.ports], ids=lambda part: part.where
)
def test_it_listens_where_it_is_asked(part: Part, settings: ClientSettings) -> None:
    """Probes, published ports and scrapes lead to ports on which it listens, and to its paths."""
    if isinstance(settings, WorkerSettings):
        assert (settings.health_host, settings.metrics) == (EVERYWHERE, True)
        assert set(part.ports.values()) == {settings.health_port}
        assert part.paths <= {"/live", "/ready"}
    elif isinstance(settings, GatewaySettings):
        assert (settings.host, settings.metrics_host, settings.metrics) == (
            *(EVERYWHERE, EVERYWHERE),
            True,
        )
        assert set(part.ports.values()) <= {settings.port, settings.metrics_port}
        assert part.ports["probe"] == settings.port
        assert part.paths <= OPEN_PATHS
    else:
        assert set(part.ports.values()) == {int(part.words[part.words.index("--port") + 1])}


def test_two_lanes_on_one_machine_have_two_ports() -> None:
    """Systemd starts both lanes beside each other; the example of Prometheus has the same ports."""
    unit = (OPS / "systemd" / "rerankq-worker@.service").read_text("utf-8")
    drop_in = OPS / "systemd" / "rerankq-worker@interactive.service.d" / "port.conf"
    ports = [
        int(port)
        for text in (unit, drop_in.read_text("utf-8"))
        for port in re.findall(r"RERANKQ_HEALTH_PORT=(\d+)", text)
    ]
    example = read(OPS / "prometheus" / "prometheus.yml")["scrape_configs"]
    (worker,) = (each for each in example if each["job_name"] == "rerankq-worker")
    (targets,) = worker["static_configs"]
    assert targets["targets"] == [f"127.0.0.1:{port}" for port in ports]
    assert len(set(ports)) == 2


def _scraped(part: Part) -> dict[str, Any]:
    (job,) = (
        each
        for each in read(OPS / "compose" / "prometheus.yml")["scrape_configs"]
        if each["job_name"] == f"rerankq-{part.kind}"
    )
    (found,) = job["dns_sd_configs"]
    return dict(found)


@pytest.mark.parametrize(
    "part",
    [part for part in PARTS if part.where.startswith("compose") and part.kind != "flower"],
    ids=lambda part: part.where,
)
def test_prometheus_finds_each_container(part: Part) -> None:
    """It asks for all addresses of each service, at the port of its metrics, in its network."""
    found, name = _scraped(part), part.where.split()[1]
    metrics = "RERANKQ_HEALTH_PORT" if part.kind == "worker" else "RERANKQ_GATEWAY_METRICS_PORT"
    assert name in found["names"]
    assert str(found["port"]) == part.environment[metrics]
    services = read(COMPOSE)["services"]
    assert set(services["prometheus"]["networks"]) <= set(services[name]["networks"])


def test_the_image_has_the_extras_that_the_parts_need() -> None:
    """Each command, and metrics and traces, can be used in the image without another install."""
    image = (OPS / "Dockerfile").read_text("utf-8")
    (extras,) = re.findall(r'"\$\{wheel\}\[([\w,]+)\]"', image)
    needed = {row.extra for row in COMMANDS if row.name in {part.kind for part in PARTS}} - {""}
    # Flower itself, and what settings switch on.
    needed |= {"monitor", "metrics", "traces"}
    assert needed <= set(extras.split(","))


def test_a_deployment_and_its_twin_differ_only_by_the_lane() -> None:
    """A change of one worker's manifest is a change of the other's."""
    bulk, interactive = (
        (BASE / f"worker-{lane}.yaml").read_text("utf-8") for lane in ("bulk", "interactive")
    )
    assert interactive.replace("interactive", "bulk") == bulk
    assert {"rerankq-worker-bulk", "rerankq-worker-interactive"} <= of_kind("Deployment").keys()
