"""What a real service shows: a worker of both lanes and a gateway, each in processes of its own."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from rerankq.monitoring.metrics.catalogue import CATALOGUE
from running.gateway import GatewayProcess
from running.measured import MeasuredService, free_ports, measured_service
from running.waiting import eventually


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredService]:
    """One service for all tests, which has done some work."""
    with measured_service(tmp_path_factory.mktemp("measured")) as service:
        service.work()
        yield service


def everywhere(service: MeasuredService) -> list[str]:
    return [service.metrics(each) for job in service.targets.values() for each in job]


def test_jobs_are_counted_where_they_end(service: MeasuredService) -> None:
    """The lane's worker counts its jobs, their times, their calls and their retries."""
    bulk, interactive = (service.metrics(each) for each in service.targets["worker"])
    ended = 'rerankq_jobs_ended_total{lane="%s",reason="",state="succeeded"} %d.0'
    assert ended % ("bulk", 30) in bulk
    assert ended % ("interactive", 1) in interactive
    assert re.search(r'rerankq_jobs_ended_total\{.*state="failed"\} 1.0', bulk)
    assert 'rerankq_batches_ended_total{state="completed"} 1.0' in bulk
    assert 'rerankq_job_wait_seconds_count{lane="bulk"} 30.0' in bulk
    assert re.search(r'rerankq_upstream_call_seconds_count\{.*status_class="2xx"\} 30.0', bulk)
    assert re.search(r'rerankq_upstream_failures_total\{.*reason="upstream_\w+".*\} 1.0', bulk)
    assert re.search(r"rerankq_upstream_tokens_total\{.*\} [1-9]", bulk)
    assert "rerankq_event_loop_lag_seconds_count" in bulk


def test_requests_are_counted_by_their_route(service: MeasuredService) -> None:
    """The gateway counts requests by the template of their path, also those without a route."""
    (target,) = service.targets["gateway"]
    shown = eventually(lambda: service.metrics(target), "the gateway shows its metrics")
    count = 'rerankq_gateway_request_seconds_count{method="%s",route="%s",status="%s"} 1.0'
    for each in (
        ("POST", "/v1/rerank", "200"),
        ("POST", "/v1/rerank", "422"),
        ("GET", "other", "404"),
    ):
        assert count % each in shown, each
    assert 'rerankq_jobs_accepted_total{lane="interactive"} 1.0' in shown
    assert "rerankq_gateway_waiters 0.0" in shown
    assert "rerankq_gateway_upload_bytes_total 3.0" in shown


def test_the_whole_ledger_is_shown_once(service: MeasuredService) -> None:
    """Of all processes exactly one shows the ledger's figures, and desired workers among them."""

    def showing() -> list[str]:
        return [each for each in everywhere(service) if "rerankq_dead_letters" in each]

    def is_up_to_date() -> bool:
        # A reading is a few seconds old: the first one may be from before the end of the work.
        said = [f'rerankq_workers{{lane="{lane}"}} 1.0' for lane in ("bulk", "interactive")]
        said.append('rerankq_desired_workers{lane="bulk"} 0.0')
        return any(all(each in shown for each in said) for shown in showing())

    eventually(is_up_to_date, "a process shows the ledger, with the workers of both lanes")
    assert len(showing()) == 1


def test_nothing_private_is_shown(service: MeasuredService) -> None:
    """No metric has a query, a document, a key or an id."""
    text = "\n".join(everywhere(service))
    for private in ("a question", "and a second one", "sk-test"):
        assert private not in text
    assert not re.search(r'"[0-9a-f]{32}"|"[0-9a-f-]{36}"', text)


def test_only_the_metrics_of_the_docs_are_shown(service: MeasuredService) -> None:
    """Every name of rerankq is in the catalogue, which the docs describe."""
    named = set(re.findall(r"^# TYPE (rerankq_\w+)", "\n".join(everywhere(service)), re.MULTILINE))
    known = {each.name for each in CATALOGUE}
    assert named <= known


def test_each_process_of_a_gateway_has_a_port(redis_url: str, tmp_path: Path) -> None:
    """The processes share the public port, so each shows its metrics at one of the next ports."""
    first = free_ports(2)
    settings = {"RERANKQ_METRICS": "1", "RERANKQ_GATEWAY_METRICS_PORT": str(first)}
    with GatewayProcess(tmp_path, redis_url, "--workers", "2", **settings):

        def started(port: int) -> str | None:
            with suppress(requests.ConnectionError):
                text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
                found = re.search(
                    r"^rerankq_process_start_time_seconds\S* (\S+)", text, re.MULTILINE
                )
                return found[1] if found else None
            return None

        def both() -> bool:
            times = {started(first), started(first + 1)}
            return None not in times and len(times) == 2

        assert eventually(both, "both processes show metrics")


def test_the_gateways_public_port_shows_no_metrics(service: MeasuredService) -> None:
    """Whoever may call the gateway learns nothing of the metrics."""
    assert requests.get(f"{service.gateway.url}/metrics", timeout=30).status_code == 404
