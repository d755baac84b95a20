"""`make screenshots`: pages of Flower and the console, while a worker has many jobs to run."""

import tempfile
from pathlib import Path
from typing import Final

import requests
from playwright.sync_api import ViewportSize

from rerankq import RerankClient
from running.browser import chromium
from running.flower import USER, flower, workers_seen
from running.gateway import GatewayProcess
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker
from screenshots.console import console_pictures
from screenshots.saving import FOLDER, save

JOBS: Final = 300
MORE_JOBS: Final = 2500
"""They last while the console's pages are looked at."""
REFUSED: Final = 64
"""Jobs that fail for good: enough for a replay in steps."""
SIZE: Final = ViewportSize(width=1560, height=860)


def main() -> None:
    """Run jobs, and take a picture of each page."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as name,
        RedisServer(Path(name)) as redis,
        RunningSandbox(
            keys=("sk-test",), latency_ms=600, latency_p99_ms=4000, fail_rate=0.05
        ) as upstream,
        RunningWorker(redis.url, upstream.url, Path(name), max_in_flight=12),
        flower(redis.url, Path(name) / "log", RERANKQ_FLOWER_AUTH=":".join(USER)) as (address, _),
        GatewayProcess(Path(name), redis.url) as gateway,
        RerankClient(redis.url) as client,
        chromium() as browser,
        browser.new_context(
            http_credentials={"username": USER[0], "password": USER[1]}, viewport=SIZE
        ) as context,
    ):
        (node,) = eventually(lambda: workers_seen(address), "the worker is seen")
        fill(client, "catalogue-2026", JOBS)
        eventually(lambda: first(address, "SUCCESS"), "a job has its ranking", seconds=90)
        # Before that, the call might be one by which the worker checks the upstream's scores.
        upstream.fault(kind="status", status=400)
        failed = eventually(lambda: first(address, "FAILURE"), "a job has failed", seconds=90)
        eventually(lambda: counted(address, "SUCCESS") > JOBS // 8, "many have ended", seconds=90)
        page = context.new_page()
        for title, path, shown in (
            ("flower-jobs", "/tasks", "#tasks-table tbody td"),
            ("flower-job", f"/task/{failed}", "#task-page"),
            ("flower-worker", f"/worker/{node}#tab-tasks", "#tab-tasks tbody td"),
        ):
            page.goto(address + path, wait_until="networkidle")
            page.locator(shown).first.wait_for()
            save(context, page, FOLDER / f"{title}.webp")
        with RunningWorker(redis.url, upstream.url, Path(name), lane="interactive"):
            refused = {"times": REFUSED, "action": {"kind": "status", "status": 400}}
            upstream.set_faults(refused).raise_for_status()
            fill(client, "reviews-2026", MORE_JOBS)
            console_pictures(browser, gateway.url, "reviews-2026", failed)


def fill(client: RerankClient, name: str, jobs: int) -> None:
    """Submit a batch."""
    documents = ["a mountain bike", "a city bike", "a bicycle pump"]
    drafts = (
        {"query": "bike", "documents": documents, "custom_id": f"row-{number}"}
        for number in range(jobs)
    )
    with client.batch(name, expected=jobs) as batch:
        for _ in batch.add_many(drafts):
            pass


def tasks(address: str, state: str) -> list[str]:
    """The jobs in this state."""
    query = {"state": state, "limit": str(JOBS)}
    answer = requests.get(f"{address}/api/tasks", query, auth=USER, timeout=30)
    return list(answer.json())


def first(address: str, state: str) -> str | None:
    """A job in this state."""
    return next(iter(tasks(address, state)), None)


def counted(address: str, state: str) -> int:
    """How many are in this state."""
    return len(tasks(address, state))


main()
