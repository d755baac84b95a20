"""Recording rules and alerts: tested by promtool, with a page of the runbook for each alert."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rerankq.monitoring.metrics.catalogue import CATALOGUE, Kind
from running.prometheus import program

ROOT = Path(__file__).parents[3]
OPS = ROOT / "ops" / "prometheus"
RULES = sorted((OPS / "rules").glob("*.yml"))
TESTS = OPS / "tests" / "alerts.yml"
RUNBOOK = ROOT / "docs" / "runbook"
NAME = re.compile(r"(?<![\w:])(rerankq_\w+)(?![\w:])")


def read(page: Path) -> Any:
    return yaml.safe_load(page.read_text("utf-8"))


def rules() -> Iterator[dict[str, Any]]:
    for page in RULES:
        for group in read(page)["groups"]:
            yield from group["rules"]


ALERTS = [each for each in rules() if "alert" in each]
RECORDS = [each for each in rules() if "record" in each]

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def in_kebab_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def samples() -> set[str]:
    """The names by which Prometheus stores the metrics."""
    found = {each.name for each in CATALOGUE if each.kind is not Kind.HISTOGRAM}
    histograms = [each.name for each in CATALOGUE if each.kind is Kind.HISTOGRAM]
    return found | {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}


@each_alert
def test_an_alert_says_how_urgent_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    """It has a severity, a time, two sentences, and a page that explains it."""
    assert alert["alert"].startswith("Rerankq")
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert "for" in alert
    told = alert["annotations"]
    assert told["runbook_url"] == f"docs/runbook/{in_kebab_case(alert['alert'])}.md"
    assert told["description"].endswith(".")
    page = (ROOT / told["runbook_url"]).read_text("utf-8")
    assert page.startswith(f"# {alert['alert']}\n")
    assert "## How to look\n" in page
    assert "## What to do\n" in page
    assert alert["expr"].strip() in page, "the page shows the expression"


def test_each_page_of_the_runbook_is_an_alerts() -> None:
    """A page of an alert that does not exist any more would mislead."""
    pages = {each.stem for each in RUNBOOK.glob("rerankq-*.md")}
    assert pages == {in_kebab_case(alert["alert"]) for alert in ALERTS}


@each_alert
def test_an_alert_is_tested_to_fire_and_to_stay_quiet(alert: dict[str, Any]) -> None:
    """There is a test with series by which it fires, and one with series by which it does not."""
    expected = [
        bool(each["exp_alerts"])
        for test in read(TESTS)["tests"]
        for each in test["alert_rule_test"]
        if each["alertname"] == alert["alert"]
    ]
    assert sorted(expected) == [False, True]


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDS], ids=lambda rule: rule["expr"][:40])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    """A metric that was renamed would leave an alert silent for ever."""
    assert set(NAME.findall(rule["expr"])) <= samples()
    recorded = set(re.findall(r"\w+:rerankq_\w+:\w+|rerankq:\w+:\w+", rule["expr"]))
    assert recorded <= {each["record"] for each in RECORDS}


def test_promtool_finds_no_fault_in_rules_and_configuration() -> None:
    """`promtool` reads rules and the example of a configuration."""
    promtool = program("promtool")
    for words in (["rules", *map(str, RULES)], ["config", str(OPS / "prometheus.yml")]):
        ran = subprocess.run([promtool, "check", *words], capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()


def test_alerts_fire_when_they_should() -> None:
    """`promtool test rules` plays series to the rules, and compares the alerts."""
    ran = subprocess.run(
        [program("promtool"), "test", "rules", str(TESTS)], capture_output=True, check=False
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr).decode()
