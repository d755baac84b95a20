"""What the manifests for Compose, Kubernetes and systemd start, in one form."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
OPS: Final = ROOT / "ops"
COMPOSE: Final = ROOT / "docker-compose.yml"
BASE: Final = OPS / "kubernetes" / "base"
COMPONENTS: Final = OPS / "kubernetes" / "components"
EXAMPLE: Final = OPS / "kubernetes" / "overlays" / "example"
UNITS: Final = sorted((OPS / "systemd").glob("*.service"))
PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
SECONDS: Final = re.compile(r"(\d+)s?")


@dataclass(frozen=True)
class Part:
    """A process of rerankq's own that a manifest starts.

    Attributes:
        where: the manifest, and the part's name in it.
        words: its command line after `rerankq`.
        environment: its variables, but for those that it gets from `.env`.
        secrets: the files that it can read, by their paths.
        stop_seconds: from SIGTERM to SIGKILL.
        ports: those that are published, scraped or probed, by what for.
        paths: what probes ask for.
    """

    where: str
    words: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: frozenset[str]
    stop_seconds: float
    ports: Mapping[str, int]
    paths: frozenset[str]

    @property
    def kind(self) -> str:
        """`worker`, `gateway` or `flower`."""
        return self.words[0]


def read(page: Path) -> Any:
    """The one document of a page."""
    return yaml.safe_load(page.read_text("utf-8"))


def resources(folder: Path) -> list[dict[str, Any]]:
    """The resources of Kubernetes in those pages of a folder that kustomize applies."""
    return [
        each
        for name in read(folder / "kustomization.yaml")["resources"]
        if (folder / name).is_file()
        for each in yaml.safe_load_all((folder / name).read_text("utf-8"))
    ]


def of_kind(kind: str, folder: Path = BASE) -> dict[str, dict[str, Any]]:
    """The resources of a kind, by their names."""
    return {each["metadata"]["name"]: each for each in resources(folder) if each["kind"] == kind}


def parts() -> list[Part]:
    """Of all manifests."""
    return [*_of_compose(), *_of_kubernetes(), *_of_systemd()]


def compose_services() -> dict[str, dict[str, Any]]:
    """The services, with what they share filled in."""
    found: dict[str, dict[str, Any]] = read(COMPOSE)["services"]
    return found


def _of_compose() -> Iterator[Part]:
    for name, service in compose_services().items():
        if not service["image"].startswith("rerankq:"):
            continue
        probe = str(service["healthcheck"]["test"][-1])
        asked = re.search(r"127\.0\.0\.1[:\", ]+(\d+)", probe)
        assert asked, probe
        published = {each: int(each.rpartition(":")[2]) for each in service.get("ports", ())}
        yield Part(
            where=f"compose {name}",
            words=tuple(service["command"]),
            environment={key: str(value) for key, value in service["environment"].items()},
            secrets=frozenset(f"/run/secrets/{each}" for each in service["secrets"]),
            stop_seconds=_seconds(service.get("stop_grace_period", "10s")),
            ports={"probe": int(asked[1])} | published,
            paths=frozenset(re.findall(r":\d+(/\w+)", probe)),
        )


def _of_kubernetes() -> Iterator[Part]:
    shared = dict(
        line.split("=", 1)
        for line in (BASE / "settings.env").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    for name, each in of_kind("Deployment").items():
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        numbers = {port["name"]: port["containerPort"] for port in container["ports"]}
        probes = [container[probe] for probe in PROBES]
        asked = {(probe.get("httpGet") or probe["tcpSocket"])["port"] for probe in probes}
        assert len(asked) == 1, asked
        (mount,) = (it for it in container["volumeMounts"] if it["name"] == "secrets")
        (volume,) = (it["secret"] for it in pod["volumes"] if it["name"] == "secrets")
        before = container.get("lifecycle", {}).get("preStop")
        yield Part(
            where=f"kubernetes {name}",
            words=tuple(container["args"]),
            environment=shared | {it["name"]: it["value"] for it in container["env"]},
            secrets=frozenset(f"{mount['mountPath']}/{it['path']}" for it in volume["items"]),
            # The time of preStop is part of it.
            stop_seconds=pod["terminationGracePeriodSeconds"]
            - (float(before["exec"]["command"][1]) if before else 0),
            ports={"probe": numbers[asked.pop()], **numbers},
            paths=frozenset(probe["httpGet"]["path"] for probe in probes if "httpGet" in probe),
        )


def _of_systemd() -> Iterator[Part]:
    for page in UNITS:
        lines = [
            line.partition("=")[::2]
            for line in page.read_text("utf-8").splitlines()
            if "=" in line and not line.startswith("#")
        ]
        (command,) = (value for key, value in lines if key == "ExecStart")
        credentials = [value.partition(":")[0] for key, value in lines if key == "LoadCredential"]
        stop = next(value for key, value in lines if key == "TimeoutStopSec")
        set_here = [shlex.split(value) for key, value in lines if key == "Environment"]
        for lane in ("bulk", "interactive") if "@" in page.name else ("",):
            program, *words = shlex.split(command.replace("%i", lane))
            assert program == "/opt/rerankq/bin/rerankq"
            yield Part(
                where=f"systemd {page.name.replace('@', f'@{lane}')}",
                words=tuple(words),
                environment=dict(it.split("=", 1) for each in set_here for it in each),
                secrets=frozenset(f"%d/{each}" for each in credentials),
                stop_seconds=_seconds(stop),
                ports={},
                paths=frozenset(),
            )


def _seconds(text: str) -> float:
    found = SECONDS.fullmatch(text)
    assert found, text
    return float(found[1])
