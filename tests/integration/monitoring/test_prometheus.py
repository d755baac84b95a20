"""A real Prometheus scrapes a real service: every query of ours finds what it asks for."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grafana.__main__ import files
from running.measured import QUESTION, MeasuredService, measured_service
from running.prometheus import Prometheus
from running.waiting import eventually

RULES = sorted((Path(__file__).parents[3] / "ops" / "prometheus" / "rules").glob("*.yml"))
NAME = re.compile(r"(?<![\w:])rerankq_\w+(?![\w:])")
RECORDED = re.compile(r"\w+:rerankq_\w+:\w+|rerankq:\w+:\w+")
ONLY_IN_TROUBLE = frozenset(
    {
        # No series before the first event of the kind.
        "rerankq_breaker_changes_total",
        "rerankq_breaker_open",
        "rerankq_gateway_degraded_total",
        "rerankq_gateway_refused_total",
        "rerankq_ledger_call_failures_total",
        "rerankq_limits_found_total",
        "rerankq_worker_isolated",
        # Only where a limit of Redis' memory is set.
        "rerankq:redis_memory_used:ratio",
        # Once an hour.
        "rerankq_score_checks_total",
    }
)
"""What a service that is well does not show."""
ONLY_WITH_A_LIMIT = "max(rerankq_redis_memory_max_bytes) > 0"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredService]:
    """One service for all tests."""
    with measured_service(tmp_path_factory.mktemp("measured")) as service:
        yield service


@pytest.fixture(scope="module")
def prometheus(
    service: MeasuredService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped it before, while and after it has worked."""
    folder = tmp_path_factory.mktemp("prometheus")
    # One job has not ended while the queries are asked: some have data only then.
    service.client.submit(**QUESTION, not_before=time.time() + 3600)
    with Prometheus(folder, service.targets, RULES) as prometheus:
        eventually(lambda: len(prometheus.query("up == 1")) == 3, "all processes are scraped")
        # Twice: of a series that began with its first event, Prometheus cannot see a rise.
        for times in (1, 2):
            service.work()
            uploads = f"rerankq_gateway_uploads_total == {times}"
            has_data(prometheus, uploads)
        yield prometheus


def has_data(prometheus: Prometheus, query: str) -> bool:
    """Whether a query has data, as soon as the rules that it reads were evaluated."""
    return bool(eventually(lambda: prometheus.query(query), query))


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    """No rule has an error, and each recording rule has a result."""
    eventually(
        lambda: all(each["health"] == "ok" for each in prometheus.rules()),
        "each rule was evaluated without an error",
    )
    rules = prometheus.rules()
    recorded = [each["name"] for each in rules if each["type"] == "recording"]
    assert recorded
    for name in recorded:
        found = name in ONLY_IN_TROUBLE or has_data(prometheus, name)
        assert found, name


def test_what_alerts_ask_for_is_there(prometheus: Prometheus) -> None:
    """An alert on a metric that nobody shows could never fire."""
    alerts = [each for each in prometheus.rules() if each["type"] == "alerting"]
    assert alerts
    for each in alerts:
        for name in {*NAME.findall(each["query"]), *RECORDED.findall(each["query"])}:
            found = name in ONLY_IN_TROUBLE or has_data(prometheus, name)
            assert found, (each["name"], name)


def test_no_alert_fires_while_all_is_well(prometheus: Prometheus) -> None:
    """Nobody is woken by a service that works."""
    assert [each["name"] for each in prometheus.rules() if each.get("alerts")] == []


@pytest.mark.parametrize("page", dict(files()))
def test_every_query_of_a_dashboard_finds_data(prometheus: Prometheus, page: str) -> None:
    """Each can be read, and has data unless it is about trouble that this service has not had."""
    queries = [
        target["expr"]
        for panel in json.loads(dict(files())[page])["panels"]
        for target in panel.get("targets", ())
    ]
    assert queries
    for query in queries:
        names = {*NAME.findall(query), *RECORDED.findall(query)}
        if names <= ONLY_IN_TROUBLE or query == ONLY_WITH_A_LIMIT:
            # It can be read.
            prometheus.query(query)
        else:
            assert has_data(prometheus, query)
