"""Jobs handed in through the gateway: many at once, from an uploaded file, and one by one."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp
import orjson
from urllib3 import encode_multipart_formdata

from bench import work
from bench.arena import Arena
from bench.calling_gateway import lines_of_jobs
from bench.load import Load
from bench.roster import Entry
from bench.scenario import OURS_ALONE, Column, Figures, Scenario
from bench.serving import Gateway, gateway

WARM_UP: Final = 200
AT_ONCE: Final = 64
"""Jobs that are handed in one by one come from so many callers."""


def measure(arena: Arena, entry: Entry) -> Figures:  # noqa: ARG001  every entry has the same gateway
    """No worker runs: only what the gateway and Redis do is measured."""
    hand_in = WAYS[arena.load.label]
    os.environ[work.SHAPE] = arena.load.shape
    with gateway(arena) as served:
        hand_in(arena, served, WARM_UP)
        cpu, redis = served.running.cpu_seconds(), arena.redis_cpu_seconds()
        began = time.monotonic()
        hand_in(arena, served, arena.load.jobs)
        seconds = time.monotonic() - began
        cpu = served.running.cpu_seconds() - cpu
        jobs = arena.load.jobs
        return {
            "jobs_per_s": jobs / seconds,
            "per_core": jobs / cpu,
            "gateway_us": cpu / jobs * 1e6,
            "redis_us": (arena.redis_cpu_seconds() - redis) / jobs * 1e6,
            "mib": served.running.mebibytes(),
        }


def _in_one_body(_: Arena, served: Gateway, count: int) -> None:
    told = served.post("/v1/jobs:batch", data=lines_of_jobs(count))
    if told["accepted"] != count:
        raise ValueError(f"{told['accepted']} of {count} jobs were accepted")


def _from_a_file(arena: Arena, served: Gateway, count: int) -> None:
    content = b"".join(lines_of_jobs(count, in_openai_form=True))
    body, kind = encode_multipart_formdata({"purpose": "batch", "file": ("jobs.jsonl", content)})
    file = served.post("/v1/files", data=body, headers={"Content-Type": kind})
    batch = served.post("/v1/batches", json={"input_file_id": file["id"], "endpoint": "/v1/rerank"})

    def is_whole() -> bool:
        return bool(served.get(f"/v1/batches/{batch['id']}")["rerankq"]["sealed"])

    arena.until(is_whole, "the import to be whole", served.running, poll=0.2)


def _one_by_one(_: Arena, served: Gateway, count: int) -> None:
    asyncio.run(_post_all(f"{served.url}/v1/jobs", count))


async def _post_all(url: str, count: int) -> None:
    bodies = iter(
        [
            orjson.dumps({"query": each.query, "documents": each.documents})
            for each in work.jobs(count)
        ]
    )

    async def caller(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            async with session.post(url, data=body) as answer:
                await answer.read()
                answer.raise_for_status()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(caller(session) for _ in range(AT_ONCE)))


WAYS: Final[Mapping[str, Callable[[Arena, Gateway, int], None]]] = {
    "POST /v1/jobs:batch": _in_one_body,
    "an OpenAI file": _from_a_file,
    "POST /v1/jobs": _one_by_one,
}
UPLOAD: Final = Scenario(
    name="upload",
    about="jobs of 10 documents of 200 characters handed in through the gateway",
    measure=measure,
    short=tuple(Load(400, way) for way in WAYS),
    long=tuple(Load(20_000, way) for way in WAYS),
    columns=(
        Column("jobs_per_s", "jobs/s", higher_is_better=True),
        Column("per_core", "jobs/s a core of the gateway", higher_is_better=True),
        Column("gateway_us", "gateway CPU µs/job", higher_is_better=False),
        Column("redis_us", "Redis CPU µs/job", higher_is_better=False),
        Column("mib", "gateway MiB"),
    ),
    kinds=OURS_ALONE,
)
