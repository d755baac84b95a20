"""The Compose file: each container is closed in, bounded, and started again."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rerankq.secret_files import file_name_of
from rerankq_gateway.settings import GatewaySettings
from running.manifests import COMPOSE, OPS, ROOT, compose_services, read
from running.prometheus import program

SERVICES = compose_services()
SCRIPT = OPS / "compose" / "secrets.sh"
PLAIN = {"redis", "worker-bulk", "worker-interactive", "flower"}

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def test_without_a_profile_little_is_started() -> None:
    """The gateway is one profile, Prometheus and Grafana another one."""
    profiles: dict[str, Any] = {name: each.get("profiles") for name, each in SERVICES.items()}
    assert {name for name, each in profiles.items() if each is None} == PLAIN
    assert profiles["gateway"] == ["gateway"]
    assert profiles["prometheus"] == profiles["grafana"] == ["monitoring"]


@each_service
def test_a_container_is_closed_in(service: dict[str, Any]) -> None:
    """No root, no capability; it writes to volumes and memory; its ports are on the loopback."""
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    image_has_user = service["image"].startswith("rerankq:")
    assert image_has_user or service["user"] not in {"root", "0"}
    assert all(each.startswith("127.0.0.1:") for each in service.get("ports", ()))
    for each in service.get("volumes", ()):
        assert each.endswith(":ro") or not each.startswith((".", "/"))


@each_service
def test_a_container_is_bounded_and_watched(service: dict[str, Any]) -> None:
    """Memory, processes and logs have bounds; it is looked at, and started again."""
    assert {"memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["healthcheck"]["retries"]
    assert service["restart"] == "unless-stopped"


@each_service
def test_an_image_is_of_one_version(service: dict[str, Any]) -> None:
    """A tag names the version to its last part: another day brings the same program."""
    tag = service["image"].partition(":")[2]
    assert re.match(r"v?\d+\.\d+\.\d+", tag), service["image"]


def test_each_secret_and_each_network_is_declared_and_used() -> None:
    """A name that is misspelt would be found by Compose only when it starts."""
    whole = read(COMPOSE)
    for kind in ("secrets", "networks"):
        used = {name for each in SERVICES.values() for name in each.get(kind, ())}
        assert used == whole[kind].keys()
    volumes = {
        each.partition(":")[0]
        for service in SERVICES.values()
        for each in service.get("volumes", ())
        if not each.startswith(".")
    }
    assert volumes == whole["volumes"].keys()
    for service in SERVICES.values():
        for each in service.get("volumes", ()):
            source = each.partition(":")[0]
            assert not source.startswith(".") or (ROOT / source).exists(), each


def test_monitoring_cannot_reach_redis() -> None:
    """Redis is in a network of its own, with those that need it."""
    inside = {name for name, each in SERVICES.items() if "ledger" in each["networks"]}
    assert inside == {*PLAIN, "gateway"}
    assert SERVICES["redis"]["networks"] == ["ledger"]


def test_secrets_are_made_that_the_parts_accept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script makes each secret once, in a folder that only its owner can open."""
    folder = tmp_path / "secrets"

    def make() -> str:
        ran = subprocess.run(
            ["sh", str(SCRIPT), str(folder)],
            env={"PATH": "/usr/bin:/bin", "DMXAPI_API_KEY": "sk-one"},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    made = make()
    files = {Path(each["file"]).name for each in read(COMPOSE)["secrets"].values()}
    assert {each.name for each in folder.iterdir()} == files
    assert folder.stat().st_mode & 0o777 == 0o700
    # Users of containers read them through their mounts.
    assert all(each.stat().st_mode & 0o044 == 0o044 for each in folder.iterdir())
    texts = {each.name: each.read_text("utf-8").strip() for each in folder.iterdir()}
    assert len(set(texts.values())) == len(files)
    assert not any(each in made for each in texts.values())
    assert texts["upstream-keys"] == "sk-one"
    assert re.fullmatch(r"rerankq:\w{32}", texts["flower-auth"])
    monkeypatch.setenv(file_name_of("RERANKQ_GATEWAY_TOKENS"), str(folder / "gateway-tokens"))
    assert GatewaySettings.load().token_texts == [texts["gateway-tokens"]]
    make()
    assert {each.name: each.read_text("utf-8").strip() for each in folder.iterdir()} == texts


def test_prometheus_reads_its_configuration() -> None:
    """`promtool` finds no fault in it, and its rules are those of ops/prometheus."""
    page = OPS / "compose" / "prometheus.yml"
    ran = subprocess.run(
        [program("promtool"), "check", "config", "--syntax-only", str(page)],
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert "./ops/prometheus/rules:/etc/prometheus/rules:ro" in SERVICES["prometheus"]["volumes"]
    assert read(page)["rule_files"] == ["/etc/prometheus/rules/*.yml"]


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """Its files are those of ops/grafana, but for the address of Prometheus and the folder."""
    own, example = OPS / "compose" / "grafana", OPS / "grafana" / "provisioning"
    (source,) = read(own / "datasources" / "rerankq.yml")["datasources"]
    (usual,) = read(example / "datasources" / "rerankq.yml")["datasources"]
    assert source == usual | {"url": "http://prometheus:9090"}
    (provider,) = read(own / "dashboards" / "rerankq.yml")["providers"]
    mounts = SERVICES["grafana"]["volumes"]
    assert f"./ops/grafana/dashboards:{provider['options']['path']}:ro" in mounts
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (OPS / "grafana" / "dashboards" / Path(home).name).is_file()
