"""Metrics are named as Prometheus' users expect, and each is in the docs."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from rerankq.contract import Lane
from rerankq.events import Events
from rerankq.monitoring.metrics.catalogue import CATALOGUE, Described, Kind
from rerankq.monitoring.metrics.deliveries import count_deliveries
from rerankq.monitoring.metrics.gateway import GatewayRequests
from rerankq.monitoring.metrics.jobs import WorkerJobs, count_jobs
from rerankq.monitoring.metrics.loop_lag import LoopLag
from rerankq.monitoring.metrics.registry import Metrics
from rerankq.monitoring.metrics.upstream import UpstreamCalls
from rerankq.monitoring.metrics.worker import watch_worker

PAGE = Path(__file__).parents[4] / "docs" / "monitoring.md"
ROW = re.compile(r"^\| `(rerankq_\w+)` \| (\w+) \| ?([^|]*)\| ([^|]+) \|$", re.MULTILINE)
BOUNDED = {
    *("lane", "state", "reason", "site", "account", "status_class", "model", "kind", "name"),
    *(
        "operation",
        "outcome",
        "method",
        "route",
        "status",
        "by",
        "limit",
        "version",
        "part",
        "source",
        "figure",
    ),
}

each_metric = pytest.mark.parametrize("described", CATALOGUE, ids=lambda each: each.name)


@each_metric
def test_a_metric_is_named_by_prometheus_conventions(described: Described) -> None:
    """Counters end in `_total`, histograms in a unit; labels are bounded; help is a sentence."""
    name = described.name
    assert re.fullmatch(r"rerankq_[a-z][a-z0-9_]*", name)
    assert name.endswith("_total") == (described.kind is Kind.COUNTER)
    assert (described.kind is Kind.HISTOGRAM) == bool(described.buckets)
    assert described.kind is not Kind.HISTOGRAM or name.endswith(("_seconds", "_ratio"))
    assert list(described.buckets) == sorted(set(described.buckets))
    assert set(described.labels) <= BOUNDED
    assert not re.search(r"milli|_ms\b|minutes|percent|kilo|megabyte", name)
    assert described.meaning[0].isupper() or described.meaning[0] == "1"
    assert described.meaning.endswith(".")


def test_each_metric_has_a_row_in_the_docs() -> None:
    """`docs/monitoring.md` shows every metric with its kind and labels, and no other."""
    rows = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in ROW.findall(PAGE.read_text("utf-8"))
    }
    assert rows == {each.name: (each.kind.value, set(each.labels)) for each in CATALOGUE}


def test_worker_and_gateway_each_fit_into_one_registry() -> None:
    """No name is registered twice in a process."""
    worker, gateway, events = Metrics(), Metrics(), Events()
    WorkerJobs(worker, events, Lane.BULK)
    UpstreamCalls(worker, events)
    watch_worker(worker, events, Lane.BULK, held=lambda: 0, most_calls=1)
    count_deliveries(worker, events)
    LoopLag(worker)
    GatewayRequests(gateway, events, waiting=lambda: 3, most_waiting=9)
    count_jobs(gateway, events)
    text, content_type = worker.text("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    text, content_type = gateway.text("*/*")
    assert content_type.startswith("text/plain")
    assert b"rerankq_gateway_waiters 3.0" in text
    assert b"_created" not in text
    assert isinstance(gateway.registry, CollectorRegistry)
