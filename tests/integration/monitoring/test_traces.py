"""Traces of real processes, as a collector gets them."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import Lane
from rerankq.events import Events, JobClaimed, JobRef, WorkerRestarting
from rerankq.monitoring.settings import ProcessSettings
from rerankq.monitoring.traces.start import trace_worker
from running.collector import Collector, SentSpan
from running.gateway import GatewayProcess
from running.redis_server import RedisServer, free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

QUERY = "a question of the CANARY"
CALLER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
TRACEPARENT = f"00-{CALLER[0]}-{CALLER[1]}-01"
NOT_SAMPLED = f"00-{'1' * 32}-{CALLER[1]}-00"


class Traced:
    """Gateway and worker that send their spans, and what they need."""

    def __init__(
        self,
        collector: Collector,
        upstream: RunningSandbox,
        gateway: GatewayProcess,
        redis_url: str,
    ) -> None:
        self.collector = collector
        self.upstream = upstream
        self.gateway = gateway
        self.redis_url = redis_url

    def rerank(self, **headers: str) -> str:
        """Make a rerank call; returns the id of its job."""
        return rerank(self.gateway, **headers)


def rerank(gateway: GatewayProcess, **headers: str) -> str:
    """Make a rerank call; returns the id of its job."""
    body = {"query": QUERY, "documents": ["yes", "no"]}
    answer = requests.post(f"{gateway.url}/v1/rerank", json=body, headers=headers, timeout=60)
    assert answer.ok, answer.text
    return answer.headers["x-rerankq-job-id"]


@pytest.fixture(scope="module")
def _traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    # A Redis of its own: emptying that of other tests would hide that there are workers.
    folder = tmp_path_factory.mktemp("traced")
    with RedisServer(folder) as redis, Collector() as collector, RunningSandbox() as upstream:
        settings: dict[str, Any] = {"lane": "", "environment": collector.environment}
        with (
            GatewayProcess(folder, redis.url, **collector.environment) as gateway,
            RunningWorker(redis.url, upstream.url, folder, **settings),
        ):
            yield Traced(collector, upstream, gateway, redis.url)


@pytest.fixture
def traced(_traced: Traced) -> Traced:
    """Both, with an upstream without faults."""
    _traced.upstream.admin("DELETE", "faults")
    return _traced


def tree(spans: list[SentSpan]) -> dict[str, str]:
    """The name of each span's parent, by the span's own name."""
    names = {each.id: each.name for each in spans}
    return {each.name: names.get(each.parent, each.parent) for each in spans}


def test_one_trace_leads_from_the_request_to_the_jobs_end(traced: Traced) -> None:
    """The caller's trace goes on through gateway, client, queue, claim, permit, call and end."""
    job = traced.rerank(traceparent=TRACEPARENT)
    traced.collector.until(job, "succeeded")
    # The gateway's come by themselves, in another order.
    last = {"POST /v1/rerank", "send rerankq.interactive"}
    eventually(lambda: last <= tree(traced.collector.of_job(job)).keys(), "all spans came")
    spans = traced.collector.of_job(job)
    assert {each.trace for each in spans} == {CALLER[0]}
    model = "qwen3-reranker-8b"
    assert tree(spans) == {
        "POST /v1/rerank": CALLER[1],
        "submit rerankq.interactive": "POST /v1/rerank",
        "send rerankq.interactive": "submit rerankq.interactive",
        "wait in queue": "submit rerankq.interactive",
        "process rerankq.interactive": "submit rerankq.interactive",
        "claim": "process rerankq.interactive",
        "wait for permit": "process rerankq.interactive",
        f"rerank {model}": "process rerankq.interactive",
        "complete": "process rerankq.interactive",
    }
    by_name = {each.name: each for each in spans}
    assert {name: each.kind for name, each in by_name.items() if each.kind != "internal"} == {
        "POST /v1/rerank": "server",
        "submit rerankq.interactive": "producer",
        "send rerankq.interactive": "producer",
        "process rerankq.interactive": "consumer",
        f"rerank {model}": "client",
    }
    call = by_name[f"rerank {model}"].attributes
    assert call["gen_ai.operation.name"] == "rerank"
    assert (call["gen_ai.provider.name"], call["gen_ai.request.model"]) == ("dmxapi", model)
    assert (call["http.request.method"], call["http.response.status_code"]) == ("POST", 200)
    assert (call["server.address"], call["server.port"]) == ("127.0.0.1", traced.upstream.port)
    # The message that named the job links the worker's span to the gateway's.
    process = by_name["process rerankq.interactive"]
    assert process.links == {by_name["send rerankq.interactive"].context}
    assert by_name["send rerankq.interactive"].links == {
        by_name["submit rerankq.interactive"].context
    }
    # Each within its time: the queue before the claim, the call before the end.
    order = ["wait in queue", "claim", "wait for permit", f"rerank {model}", "complete"]
    starts = [by_name[name].start for name in order]
    assert starts == sorted(starts)
    assert process.start <= by_name["claim"].start
    assert by_name["complete"].end <= process.end
    assert {each.service for each in spans} == {"rerankq-gateway", "rerankq-worker"}


def test_spans_hold_nothing_private(traced: Traced) -> None:
    """Neither paths nor queries nor messages of errors nor what is ranked is in a span."""
    url, seen = traced.gateway.url, {"x-request-id": "the-last"}
    job = {"query": QUERY, "documents": ["CANARY"], "metadata": {"who": "CANARY"}}
    requests.post(f"{url}/v1/jobs?wait=30", json=job, timeout=60)
    requests.post(f"{url}/v1/rerank", data='{"query": "CANARY', timeout=30)
    requests.post(f"{url}/v1/webhooks", json={"url": "CANARY"}, timeout=30)
    requests.get(f"{url}/v1/jobs/CANARY?why=CANARY", timeout=30)
    requests.get(f"{url}/CANARY", headers=seen, timeout=30)
    eventually(
        lambda: any(
            each.attributes.get("rerankq.request.id") == "the-last"
            for each in traced.collector.spans
        ),
        "the last request's span came",
    )
    assert not any(b"CANARY" in body for body in traced.collector.bodies)
    named = {each.name for each in traced.collector.spans if each.kind == "server"}
    assert {"POST /v1/jobs", "GET /v1/jobs/{job_id}", "GET"} <= named


def test_a_caller_that_does_not_sample_decides_for_all(traced: Traced) -> None:
    """Of a trace that its caller does not sample, no process sends a span."""
    job = traced.rerank(traceparent=NOT_SAMPLED)
    other = traced.rerank()
    traced.collector.until(other, "succeeded")
    assert not traced.collector.of_job(job)
    assert not any(each.trace == "1" * 32 for each in traced.collector.spans)


def test_each_attempt_has_its_own_span(traced: Traced) -> None:
    """A job that is retried stays in its trace, with a span for each attempt and its failure."""
    traced.upstream.set_faults({"times": 1, "action": {"kind": "status", "status": 500}})
    job = traced.rerank()
    spans = traced.collector.until(job, "succeeded")
    attempts = [each for each in spans if each.name.startswith("process ")]
    assert len({each.parent for each in attempts}) == 1
    assert [each.attributes["rerankq.outcome"] for each in attempts] == ["retried", "succeeded"]
    assert [each.attributes["rerankq.attempt"] for each in attempts] == [1, 2]
    assert [each.is_error for each in attempts] == [True, False]
    calls = [each for each in spans if each.name.startswith("rerank ")]
    assert [each.parent for each in calls] == [each.id for each in attempts]
    assert calls[0].is_error
    assert calls[0].attributes["http.response.status_code"] == 500
    assert calls[0].attributes["error.type"] == attempts[0].attributes["error.type"]
    assert len([each for each in spans if each.name == "wait in queue"]) == 2


def test_jobs_of_a_batch_have_traces_that_link_to_the_request(traced: Traced) -> None:
    """Of many jobs each has a trace of its own, linked to the request, and by their message."""
    url = traced.gateway.url
    batch = requests.post(f"{url}/v1/batches", json={}, timeout=30).json()["id"]
    lines = b'{"query": "q", "documents": ["d"]}\n' * 3
    requests.post(
        f"{url}/v1/batches/{batch}/jobs",
        data=lines,
        headers={"traceparent": TRACEPARENT, "x-request-id": "of-the-batch"},
        timeout=30,
    )
    requests.post(f"{url}/v1/batches/{batch}/seal", timeout=30)

    def attempts() -> list[SentSpan]:
        return [
            each
            for each in traced.collector.spans
            if each.attributes.get("rerankq.batch.id") == batch and each.name.startswith("process")
        ]

    eventually(lambda: len(attempts()) == 3, "the jobs have ended", seconds=60)

    def of_gateway() -> bool:
        spans = traced.collector.spans
        came = {each.context for each in spans}
        carriers = {link for each in attempts() for link in each.links}
        requested = (each.attributes.get("rerankq.request.id") for each in spans)
        return carriers <= came and "of-the-batch" in requested

    eventually(of_gateway, "the gateway's spans came")
    spans = traced.collector.spans
    (request,) = [
        each
        for each in spans
        if each.attributes.get("rerankq.request.id") == "of-the-batch" and each.kind == "server"
    ]
    assert request.name == "POST /v1/batches/{batch_id}/jobs"
    assert request.parent == CALLER[1]
    created = [
        each
        for each in spans
        if each.attributes.get("rerankq.batch.id") == batch and each.name == "create rerankq.bulk"
    ]
    assert len({each.trace for each in created} - {CALLER[0]}) == 3
    assert {each.parent for each in attempts()} == {each.id for each in created}
    assert {each.links for each in created} == {frozenset({request.context})}
    carriers = {link for each in attempts() for link in each.links}
    assert carriers
    sent = [each for each in spans if each.context in carriers]
    assert {link for each in sent for link in each.links} >= {each.context for each in created}


def test_a_celery_callback_goes_on_with_the_trace(traced: Traced) -> None:
    """The task that tells of an end has the job's context, and a span in the job's trace."""
    with RerankClient(traced.redis_url) as client:
        job = client.submit(
            query=QUERY,
            documents=["d"],
            callbacks=[{"task": "app.ended", "queue": "of-the-app"}],
            trace_context={"traceparent": TRACEPARENT},
        )
        job.result(timeout=60)

    def sent() -> list[SentSpan]:
        return [each for each in traced.collector.spans if each.name == "send app.ended"]

    eventually(sent, "the task was sent")
    (span,) = sent()
    assert (span.trace, span.parent) == CALLER
    assert span.attributes["messaging.destination.name"] == "of-the-app"
    with Redis.from_url(traced.redis_url) as redis:
        message = json.loads(redis.lindex("of-the-app", 0) or b"")
    assert message["headers"]["traceparent"] == TRACEPARENT


def test_a_job_of_a_killed_worker_keeps_its_trace(own_redis: RedisServer, tmp_path: Path) -> None:
    """Without a trace of the client's, all workers agree on one; a worker that ends flushes."""
    with (
        Collector() as collector,
        RunningSandbox(latency_ms=60_000) as slow,
        RunningSandbox() as upstream,
        RerankClient(own_redis.url) as client,
    ):
        soon, late = collector.environment, {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
        with RunningWorker(
            own_redis.url, slow.url, tmp_path, lease_seconds=1, environment=soon
        ) as first:
            job = client.submit(query=QUERY, documents=["d"])
            eventually(
                lambda: any(each.name == "wait for permit" for each in collector.of_job(job.id)),
                "the first worker calls",
            )
            first.process.kill()
            first.process.wait(30)
        with RunningWorker(
            own_redis.url, upstream.url, tmp_path, lease_seconds=1, environment=soon | late
        ) as second:
            job.result(timeout=60)
            assert second.terminate() == 0
        spans = collector.of_job(job.id)
    (attempt,) = [each for each in spans if each.name.startswith("process ")]
    assert attempt.attributes["rerankq.outcome"] == "succeeded"
    waits = [each for each in spans if each.name == "wait in queue"]
    assert len(waits) == 2
    assert {each.parent for each in waits} == {attempt.parent}


_PROGRAM = """
import sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from rerankq import RerankClient

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
with RerankClient() as client:
    with provider.get_tracer("shop").start_as_current_span("checkout"):
        job = client.submit(query="q", documents=["d"])
    print(job.id)
    job.result(timeout=60)
provider.shutdown()
"""


def test_a_client_goes_on_with_the_trace_of_its_program(traced: Traced) -> None:
    """A program that is traced finds its jobs in its own trace, without doing anything for it."""
    environment = clean_environment() | traced.collector.environment
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=environment | {"RERANKQ_REDIS_URL": traced.redis_url, "OTEL_SERVICE_NAME": "shop"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    spans = traced.collector.until(done.stdout.strip(), "succeeded")
    parents = tree(spans)
    assert parents["process rerankq.bulk"] == "submit rerankq.bulk"
    assert parents["submit rerankq.bulk"] == "checkout"
    assert parents["checkout"] == ""
    assert {each.service for each in spans} == {"shop", "rerankq-worker"}


@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_a_collector_that_is_away_does_no_harm(
    own_redis: RedisServer, tmp_path: Path, kind: str
) -> None:
    """Jobs are served, each process ends in time, and says once that spans are dropped."""
    with socket.create_server(("127.0.0.1", 0)) as silent, RunningSandbox() as upstream:
        port = silent.getsockname()[1] if kind == "is silent" else free_port()
        away = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:CANARY@127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=CANARY",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with (
            GatewayProcess(tmp_path, own_redis.url, **away) as gateway,
            RunningWorker(
                own_redis.url, upstream.url, tmp_path, lane="", environment=away
            ) as worker,
        ):
            said = "traces cannot be sent to 127.0.0.1:"
            for _ in range(5):
                rerank(gateway)
            eventually(lambda: said in worker.log() and said in gateway.log(), "both say so")
            rerank(gateway)
            began = time.monotonic()
            assert gateway.stop() == 0
            assert worker.terminate() == 0
            assert time.monotonic() - began < 20
            for log in (worker.log(), gateway.log()):
                assert log.count(said) == 1
                assert "CANARY" not in log
                assert "Traceback" not in log


def test_a_restart_flushes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose event loop hangs is replaced: what it has gathered is sent before."""
    with Collector() as collector:
        for name, value in collector.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        events = Events()
        trace_worker(ProcessSettings(), events, Lane.BULK, {})
        job = JobRef("j", Lane.BULK, traceparent=TRACEPARENT)
        events.tell(JobClaimed(job=job, attempts=0, waited_seconds=1.0))
        events.tell(WorkerRestarting(reason="it hangs", may_finish=False))
        eventually(lambda: collector.of_job("j"), "the spans came")
        assert {each.name for each in collector.spans} == {"wait in queue", "claim"}


def test_nothing_is_loaded_where_no_traces_are_wanted() -> None:
    """Without a variable that asks for traces a process does not import what sends them."""
    program = (
        "import sys; from rerankq.events import Events; from rerankq.contract import Lane; "
        "from rerankq.monitoring.settings import ProcessSettings; "
        "from rerankq.monitoring.traces.start import trace_worker; "
        "events = Events(); trace_worker(ProcessSettings(), events, Lane.BULK, {}); "
        "assert not events.wanted; "
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    quiet = {name: value for name, value in clean_environment().items() if "OTEL" not in name}
    subprocess.run([sys.executable, "-c", program], env=quiet, check=True, timeout=60)
