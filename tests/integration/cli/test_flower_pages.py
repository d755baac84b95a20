"""Flower's pages in a real browser, beside a real worker."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Page

from rerankq import RerankClient
from rerankq.errors import JobCancelled, JobFailed
from running.browser import chromium
from running.flower import USER, flower, workers_seen
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

PRIVATE: Final = ("the-very-query", "the-very-document", "the-very-metadata", "sk-test")
INJECTED: Final = (
    "<img src=x onerror=window.broken=1>",
    "\"'><script>window.broken=1</script>",
    "</code></pre><svg onload=window.broken=1>",
    "{{ 7*191 }}{% raw '<b>x</b>' %}",
)


class Shown:
    """What the tests of this module share."""

    def __init__(
        self,
        redis_url: str,
        client: RerankClient,
        upstream: RunningSandbox,
        address: str,
        page: Page,
    ) -> None:
        self.redis_url = redis_url
        self.client = client
        self.upstream = upstream
        self.address = address
        self.page = page
        self.node = eventually(lambda: workers_seen(address), "the worker is seen")[0]

    def submit(self, custom_id: str, model: str = "qwen3-reranker-8b") -> str:
        """Submit a job with private texts; returns its id."""
        return self.client.submit(
            query="the-very-query",
            documents=["the-very-document", "another"],
            metadata={"a": "the-very-metadata"},
            custom_id=custom_id,
            model=model,
        ).id

    def info(self, job_id: str) -> dict[str, Any]:
        """What Flower's API says of a job; empty while it knows none."""
        path = f"{self.address}/api/task/info/{job_id}"
        answer = requests.get(path, auth=USER, timeout=30)
        found: dict[str, Any] = answer.json() if answer.ok else {}
        return found

    def state(self, job_id: str) -> str | None:
        """The state that Flower's API tells of a job."""
        return self.info(job_id).get("state")

    def await_state(self, job_id: str, state: str) -> None:
        """Wait until Flower shows this state."""
        eventually(lambda: self.state(job_id) == state, f"Flower shows {state}")

    def open(self, path: str) -> Page:
        """Open a page, and wait until it has all that it asks for."""
        self.page.goto(self.address + path, wait_until="networkidle")
        if path.startswith("/tasks"):
            # It asks for its rows later; without a job there is one that says so.
            self.page.locator("#tasks-table tbody td").first.wait_for()
        return self.page


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A worker and its upstream, and Flower, which may change things, in a browser."""
    folder = tmp_path_factory.mktemp("flower")
    auth = ":".join(USER)
    with (
        chromium() as browser,
        RedisServer(folder) as redis,
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(redis.url, upstream.url, folder),
        flower(redis.url, folder / "log", "--allow-changes", RERANKQ_FLOWER_AUTH=auth) as (at, _),
        RerankClient(redis.url) as client,
        browser.new_context(http_credentials={"username": USER[0], "password": USER[1]}) as context,
    ):
        yield Shown(redis.url, client, upstream, at, context.new_page())


def test_each_job_is_shown(shown: Shown) -> None:
    """The list, the page of a job and the page of its worker show jobs, and nothing private."""
    upstream, client = shown.upstream, shown.client
    ranked = shown.submit("ranked")
    client.end(ranked, 30)
    upstream.fault(kind="status", status=400)
    refused = shown.submit("refused")
    assert isinstance(client.end(refused, 30), JobFailed)
    upstream.fault(kind="delay", seconds=60)
    running = shown.submit("running")
    for job, state in ((ranked, "SUCCESS"), (refused, "FAILURE"), (running, "STARTED")):
        shown.await_state(job, state)
    # Flower may have heard of it from the ledger first, which does not tell the model.
    eventually(lambda: shown.info(ranked)["started"], "the worker's events come")

    page = shown.open("/tasks")
    rows = {
        row.locator("td").nth(0).inner_text().split()[0]: row.inner_text()
        for row in page.locator("#tasks-table tbody tr").all()
    }
    assert "SUCCESS" in rows[ranked]
    assert "FAILURE" in rows[refused]
    assert "STARTED" in rows[running]
    assert "{'custom_id': 'ranked', 'model': 'qwen3-reranker-8b', 'lane': 'bulk'}" in rows[ranked]
    page.locator("#tasks-table_filter input").fill("kwargs:custom_id=refused")
    row = page.locator("#tasks-table tbody tr")
    eventually(lambda: row.count() == 1 and refused in row.inner_text(), "the search finds it")

    row.locator("a").first.click()
    page.wait_for_url(f"**/task/{refused}")
    text = page.locator("#task-page").inner_text()
    for part in ("rerankq.rerank", refused, "FAILURE", "'custom_id': 'refused'", shown.node):
        assert part in text
    assert "upstream_refused (HTTP 400): the upstream answered 400" in text

    # Rankings are not shown at all.
    result = requests.get(f"{shown.address}/api/task/result/{ranked}", auth=USER, timeout=30)
    assert result.status_code == 503

    page = shown.open(f"/worker/{shown.node}#tab-tasks")
    table = page.locator("#tab-tasks table", has_text="Active tasks")
    assert running in table.inner_html()
    assert "custom_id" in table.inner_html()
    assert "rerankq.rerank" in page.locator("table", has_text="Processed tasks").inner_html()
    for path in ("/", "/tasks", f"/task/{ranked}", f"/worker/{shown.node}", "/api/tasks"):
        content = shown.open(path).content()
        assert not [each for each in PRIVATE if each in content]


def test_a_button_cancels_a_job(shown: Shown) -> None:
    """With --allow-changes the page of a running job cancels it, and senseless changes say why."""
    shown.upstream.fault(kind="delay", seconds=60)
    running = shown.submit("to be cancelled")
    shown.await_state(running, "STARTED")
    page = shown.open(f"/task/{running}")
    page.locator("#task-terminate").click()
    toast = page.locator(".toast")
    toast.wait_for()
    assert toast.inner_text().strip() == f"job {running} is cancelled; it was running"
    assert isinstance(shown.client.end(running, 30), JobCancelled)
    shown.await_state(running, "REVOKED")
    again = requests.post(f"{shown.address}/api/task/revoke/{running}", auth=USER, timeout=30)
    assert (again.status_code, again.json()) == (200, {"message": f"job {running} is cancelled"})
    for path in ("/api/task/send-task/rerankq.rerank", f"/api/worker/pool/grow/{shown.node}"):
        refused = requests.post(shown.address + path, auth=USER, timeout=30)
        assert refused.status_code == 403
        assert refused.text.startswith("rerankq has no such change")


@pytest.mark.parametrize("text", INJECTED)
def test_no_text_of_a_caller_becomes_a_part_of_a_page(shown: Shown, text: str) -> None:
    """Custom ids, models and addresses are shown as they are, on every page, and are never run."""
    client = shown.client
    ended = shown.submit(text, model=text)
    client.end(ended, 30)
    shown.upstream.fault(kind="delay", seconds=60)
    running = shown.submit(text)
    shown.await_state(running, "STARTED")
    shown.await_state(ended, "SUCCESS")
    paths = (
        *("/", "/broker", f"/tasks?name={quote(text)}", f"/tasks?state={quote(text)}"),
        *(f"/task/{ended}", f"/task/{running}", f"/task/{quote(text, safe='')}"),
        *(f"/worker/{shown.node}", f"/worker/{quote(text, safe='')}", f"/{quote(text)}"),
    )
    for path in paths:
        page = shown.open(path)
        assert page.evaluate("window.broken") is None, path
        assert page.locator("img[src=x], svg[onload]").count() == 0, path
        assert "1337" not in page.content().replace(shown.node, ""), path
    page = shown.open("/tasks")
    page.locator("#tasks-table_filter input").fill(text)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.broken") is None
    assert text in shown.open(f"/task/{ended}").locator("#task-page").inner_text().replace(
        "\\'", "'"
    )
    client.cancel(running)


def test_celerys_own_programs_show_jobs(shown: Shown, tmp_path: Path) -> None:
    """`celery events --dump` and `celery inspect` show jobs to whoever has the application."""
    module = "from rerankq.cli.operate.monitor import watched\napp = watched({url!r})\n"
    (tmp_path / "fleet.py").write_text(module.format(url=shown.redis_url))
    celery = [sys.executable, "-m", "celery", "-A", "fleet"]
    shown.upstream.fault(kind="delay", seconds=60)
    with (tmp_path / "dump").open("wb") as dump:
        dumping = subprocess.Popen([*celery, "events", "--dump"], cwd=tmp_path, stdout=dump)
    try:
        read = (tmp_path / "dump").read_text
        eventually(lambda: "heartbeat" in read(), "the worker is heard", seconds=60)
        job = shown.submit("dumped")
        eventually(lambda: f"task started: rerankq.rerank({job})" in read(), "the job is shown")
    finally:
        dumping.kill()
        dumping.wait(30)
    done = subprocess.run(
        [*celery, "inspect", "query_task", job, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    ((state, info),) = json.loads(done.stdout)[shown.node].values()
    assert (state, info["id"]) == ("active", job)
    shown.client.cancel(job)
