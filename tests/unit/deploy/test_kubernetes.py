"""The manifests for Kubernetes: closed in, found by what selects them, and rendered."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from prometheus.operator_rules import RESOURCE, text
from rerankq.contract import Lane
from rerankq.monitoring.metrics.catalogue import DESIRED
from running.manifests import BASE, COMPONENTS, EXAMPLE, OPS, of_kind, read, resources
from running.must_play import skip_or_fail

OWN = [*resources(BASE), *resources(EXAMPLE), *resources(COMPONENTS / "keda")]
PODS = {
    each["metadata"]["name"]: each["spec"]["template"]
    for each in OWN
    if each["kind"] in {"Deployment", "StatefulSet"}
}
SECRETS = ("redis-password", "upstream-keys", "gateway-tokens", "flower-auth")
NOT_KUBERNETES = ("keda.sh/", "monitoring.coreos.com/")
"""Groups of resources of others."""


def labels_of(pod: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = pod["metadata"]["labels"]
    return found


def selected(selector: Mapping[str, Any]) -> set[str]:
    """The names of the pods that a selector finds."""
    expressions = selector.get("matchExpressions", ())
    wanted = selector.get("matchLabels", {}).items()
    return {
        name
        for name, pod in PODS.items()
        if wanted <= labels_of(pod).items()
        and all(labels_of(pod).get(each["key"]) in each["values"] for each in expressions)
    }


@pytest.mark.parametrize("name", PODS)
def test_a_pod_keeps_the_restricted_standard(name: str) -> None:
    """What the strictest of Kubernetes' Pod Security Standards demands, and a read-only disk."""
    spec = PODS[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for each in spec["containers"]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in each["resources"]["limits"]
    for each in spec["volumes"]:
        assert "hostPath" not in each
        assert "emptyDir" not in each or "sizeLimit" in each["emptyDir"]


@pytest.mark.parametrize("name", [each for each in PODS if each != "redis"])
def test_rerankqs_own_pods_run_as_the_images_user(name: str) -> None:
    """By the number in the Dockerfile; the group can read the secrets, and others cannot."""
    spec = PODS[name]["spec"]
    context = spec["securityContext"]
    assert {context[each] for each in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}
    (mode,) = (each["secret"]["defaultMode"] for each in spec["volumes"] if "secret" in each)
    assert mode == 0o440


def test_what_selects_pods_finds_them() -> None:
    """Each Deployment, budget, Service and policy finds the pods that it is made for."""
    for each in OWN:
        name, kind, spec = each["metadata"]["name"], each["kind"], each.get("spec", {})
        if kind in {"Deployment", "StatefulSet"} or kind == "PodDisruptionBudget":
            assert selected(spec["selector"]) == {name}
        elif kind == "Service":
            assert selected({"matchLabels": spec["selector"]}) == {name}
            (container,) = PODS[name]["spec"]["containers"]
            known = {port["name"] for port in container["ports"]}
            assert {port["targetPort"] for port in spec["ports"]} <= known
    policies = of_kind("NetworkPolicy")
    found = {name: selected(each["spec"]["podSelector"]) for name, each in policies.items()}
    workers = {f"rerankq-worker-{lane}" for lane in Lane}
    everything = {*workers, "rerankq-gateway", "rerankq-flower"}
    assert found == {
        "rerankq-closed": everything,
        "rerankq-to-redis": everything,
        "rerankq-to-internet": {*workers, "rerankq-gateway"},
        "rerankq-gateway-callers": {"rerankq-gateway"},
        "rerankq-metrics-readers": {*workers, "rerankq-gateway"},
    }
    (to_redis,) = of_kind("NetworkPolicy", EXAMPLE)["redis"]["spec"]["ingress"]
    assert selected(to_redis["from"][0]["podSelector"]) == everything


def test_redis_is_reached_where_it_listens() -> None:
    """The policy, the Service and the settings name the same host, label and port."""
    (settings,) = re.findall(r"redis://([\w.-]+):(\d+)", (BASE / "settings.env").read_text("utf-8"))
    host, port = settings
    service = of_kind("Service", EXAMPLE)[host]
    assert [each["port"] for each in service["spec"]["ports"]] == [int(port)]
    rules = of_kind("NetworkPolicy")["rerankq-to-redis"]["spec"]["egress"]
    allowed = [
        (each["to"][0]["podSelector"]["matchLabels"], each["ports"][0]["port"]) for each in rules
    ]
    assert (service["spec"]["selector"], int(port)) in allowed


@pytest.mark.parametrize("lane", Lane)
def test_workers_are_scaled_by_what_their_lane_needs(lane: Lane) -> None:
    """KEDA asks for a metric that there is, of this lane, and leaves all as it is without one."""
    scaled = of_kind("ScaledObject", COMPONENTS / "keda")[f"rerankq-worker-{lane}"]["spec"]
    assert scaled["scaleTargetRef"]["name"] in PODS
    (trigger,) = scaled["triggers"]
    asked = trigger["metadata"]
    assert asked["query"] == f'max({DESIRED.name}{{lane="{lane}"}})'
    assert (trigger["metricType"], asked["threshold"]) == ("AverageValue", "1")
    assert asked["ignoreNullValues"] == "false"
    kinds = {each["kind"] for each in OWN}
    assert "HorizontalPodAutoscaler" not in kinds, "KEDA makes its own; two would fight"


def test_pods_are_scraped_as_the_rules_need_it() -> None:
    """The name of Prometheus' job is the label of the pod; workers and gateways have the port."""
    monitor = of_kind("PodMonitor", COMPONENTS / "prometheus-operator")["rerankq"]["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    found = selected(monitor["selector"])
    assert {labels_of(PODS[name])[monitor["jobLabel"]] for name in found} == {
        "rerankq-worker",
        "rerankq-gateway",
    }
    for name in found:
        (container,) = PODS[name]["spec"]["containers"]
        assert endpoint["port"] in {port["name"] for port in container["ports"]}


def test_the_operators_rules_are_those_of_prometheus() -> None:
    """`python -m prometheus.operator_rules` was run after the last change of a rule."""
    assert RESOURCE.read_text("utf-8") == text()


def test_the_example_of_the_secret_has_each_key() -> None:
    """Those that pods read, and no other; it is an example, so no manifest includes it."""
    example = read(BASE / "secret.example.yaml")
    assert tuple(example["stringData"]) == SECRETS
    assert set(example["stringData"].values()) == {"replace-me"}
    assert "secret.example.yaml" not in read(BASE / "kustomization.yaml")["resources"]
    (made,) = read(EXAMPLE / "kustomization.yaml")["secretGenerator"]
    assert made["files"] == [f"secrets/{each}" for each in SECRETS]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All of the example, with both components, as it would be applied."""
    tools = {"kustomize": ["build"], "kubectl": ["kustomize"]}
    tool = next((each for each in tools if shutil.which(each)), "")
    if not tool:
        skip_or_fail("kustomize", "there is neither kustomize nor kubectl on PATH")
    folder = tmp_path_factory.mktemp("kustomize")
    shutil.copytree(OPS / "kubernetes", folder / "kubernetes")
    example = folder / "kubernetes" / "overlays" / "example"
    (example / "secrets").mkdir(exist_ok=True)
    for each in SECRETS:
        (example / "secrets" / each).write_text("x", "utf-8")
    page = example / "kustomization.yaml"
    whole = re.sub(
        r"^# (components:|  - \.\./)", r"\1", page.read_text("utf-8"), flags=re.MULTILINE
    )
    assert len(yaml.safe_load(whole)["components"]) == 2
    page.write_text(whole, "utf-8")
    ran = subprocess.run(
        [tool, *tools[tool], str(example)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return list(yaml.safe_load_all(ran.stdout))


def test_what_is_applied_is_what_kubernetes_knows(rendered: list[dict[str, Any]]) -> None:
    """Every resource is whole after patches, generated names and components."""
    for each in rendered:
        if not each["apiVersion"].startswith(NOT_KUBERNETES):
            kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    kinds = [each["kind"] for each in rendered]
    assert kinds.count("ScaledObject") == len(Lane)
    assert {"PodMonitor", "PrometheusRule", "Namespace", "StatefulSet"} <= {*kinds}


def test_a_change_of_settings_or_secrets_reaches_the_pods(rendered: list[dict[str, Any]]) -> None:
    """Their names end with a hash of the content, and pods name them so."""
    names = {
        each["kind"]: each["metadata"]["name"]
        for each in rendered
        if each["kind"] in {"ConfigMap", "Secret"}
    }
    assert all(re.fullmatch(r"rerankq-\w+-\w{10}", each) for each in names.values()), names
    for each in rendered:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            said = yaml.safe_dump(each)
            assert f"secretName: {names['Secret']}" in said
            assert each["kind"] == "StatefulSet" or f"name: {names['ConfigMap']}" in said


def test_keda_alone_sets_the_number_of_workers(rendered: list[dict[str, Any]]) -> None:
    """With KEDA no manifest says how many; one gateway of the example writes to its volume."""
    deployments = {
        each["metadata"]["name"]: each["spec"] for each in rendered if each["kind"] == "Deployment"
    }
    for lane in Lane:
        assert "replicas" not in deployments[f"rerankq-worker-{lane}"]
    assert deployments["rerankq-gateway"]["strategy"] == {"type": "Recreate"}
    (claim,) = (
        each["spec"]["accessModes"]
        for each in rendered
        if each["metadata"]["name"] == "rerankq-gateway-files"
    )
    assert claim == ["ReadWriteOnce"]
    images = {
        container["image"]
        for each in deployments.values()
        for container in each["template"]["spec"]["containers"]
    }
    assert images == {"registry.example.com/rerankq:0.1.0"}


def test_kustomize_knows_each_file() -> None:
    """A file that no kustomization names would never be applied."""
    for folder in (BASE, EXAMPLE, *(each.parent for each in COMPONENTS.glob("*/*.yaml"))):
        named = (folder / "kustomization.yaml").read_text("utf-8")
        for page in folder.glob("*.yaml"):
            if page.name not in {"kustomization.yaml", "secret.example.yaml"}:
                assert page.name in named, page
    assert Path(BASE / "settings.env").is_file()
