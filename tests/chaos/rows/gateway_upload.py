"""Gateways that are killed in the middle of uploads, which are then repeated."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import orjson
from redis import Redis
from urllib3 import encode_multipart_formdata

from chaos.gateways import Gateways
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from rerankq.contract import Job
from running.keys import KEYS
from running.waiting import eventually

LEAST_SHARE, MOST_SHARE = 0.15, 0.5
"""When such a share of the jobs of each upload is recorded, the gateway is killed."""
DEPTH: Final = 60
"""Most queued jobs of a lane: an upload of more goes on for as long as workers need for them."""
SENT_SECONDS: Final = 60.0
WHOLE_SECONDS: Final = 240.0


class _Upload(ABC):
    """Jobs that are handed in together, and the batch that they end in.

    Attributes:
        what: its name in reports.
        half_sent: set when a half of its first body is sent: the rest never comes.
        killed: set when the gateway that has this half is dead.
        batch_id: the batch, once it is known.
    """

    what: str

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.half_sent, self.killed = threading.Event(), threading.Event()
        self.batch_id = ""

    @abstractmethod
    def hand_in(self, gateways: Gateways) -> None:
        """Upload, and repeat what breaks off, until all is accepted."""

    def in_halves(self, body: bytes) -> Iterator[bytes]:
        """The body, of which the second half comes too late."""
        yield body[: len(body) // 2]
        self.half_sent.set()
        self.killed.wait(SENT_SECONDS)
        yield body[len(body) // 2 :]

    def fault(self, redis: "Redis") -> str:
        """What is wrong with the entries of its batch; empty if each line is there once."""
        custom_ids = [custom_id for _, custom_id in _entries(redis, self.batch_id)]
        lost = {job.id for job in self.jobs} - set(custom_ids)
        if lost or len(custom_ids) != len(self.jobs):
            return f"{self.what}: {len(custom_ids)} entries for {len(self.jobs)} lines"
        in_order = custom_ids == [job.id for job in self.jobs]
        return "" if in_order else f"{self.what}: its entries are not in the order of its lines"


class _Bulk(_Upload):
    """`POST /v1/jobs:batch`, repeated with the same idempotency key."""

    what = "jobs:batch"

    def hand_in(self, gateways: Gateways) -> None:
        # Of a lane of its own, so that both uploads go on at the same pace.
        path, headers = "/v1/jobs:batch?lane=interactive", {"Idempotency-Key": "one-upload"}
        body = _jsonl(map(_flat_line, self.jobs))
        gateways.once("POST", path, data=self.in_halves(body), headers=headers)
        answer = gateways.call("POST", path, data=body, headers=headers).json()
        assert answer["accepted"] == len(self.jobs), answer
        self.batch_id = answer["batch"]


class _File(_Upload):
    """A file by `POST /v1/files`, and OpenAI's batch that is filled from it."""

    what = "import"

    def hand_in(self, gateways: Gateways) -> None:
        content = _jsonl(map(_request_line, self.jobs))
        form: dict[str, Any] = {
            "purpose": "batch",
            "file": ("jobs.jsonl", content, "application/jsonl"),
        }
        body, kind = encode_multipart_formdata(form)
        headers = {"Content-Type": kind}
        gateways.once("POST", "/v1/files", data=self.in_halves(body), headers=headers)
        file = gateways.call("POST", "/v1/files", data=body, headers=headers).json()
        wanted = {"input_file_id": file["id"], "endpoint": "/v1/rerank"}
        key = {"Idempotency-Key": "one-import"}
        opened = gateways.call("POST", "/v1/batches", json=wanted, headers=key).json()
        self.batch_id = opened["id"]
        eventually(
            lambda: gateways.call("GET", f"/v1/batches/{self.batch_id}").json()["completed_at"],
            "the import has ended",
            seconds=WHOLE_SECONDS,
        )


def _play(arena: Arena) -> Report:
    with (
        arena.stage(lane="") as stage,
        Gateways(stage, RERANKQ_MAX_QUEUE_DEPTH=DEPTH) as gateways,
        stage.redis.client() as redis,
        ThreadPoolExecutor(2) as threads,
    ):
        stage.start_workers([{}] * stage.load.workers)
        jobs = [*stage.jobs.values()]
        half = len(jobs) // 2
        uploads = (_Bulk(jobs[:half]), _File(jobs[half:]))
        handing_in = [threads.submit(each.hand_in, gateways) for each in uploads]
        early = _kill_half_way(uploads, gateways, redis)
        shares = sorted(
            arena.chance.uniform(LEAST_SHARE, MOST_SHARE) for _ in range(stage.load.faults)
        )
        recorded = []
        for share in shares:
            _until_recorded(int(share * half), redis, handing_in)
            recorded.append(_kill_while_recording(gateways, redis))
        for each in handing_in:
            each.result()
        whole = {each.batch_id: _entries(redis, each.batch_id) for each in uploads}
        faults = [each.fault(redis) for each in uploads]
        submitted = {
            job_id: stage.jobs[number] for each in whole.values() for job_id, number in each
        }
        stage.jobs |= {id_: job.model_copy(update={"id": id_}) for id_, job in submitted.items()}
        aftermath = stage.gather(dict.fromkeys(submitted, 0.0))
    report = report_on(aftermath, struck=())
    report.figures |= {"kills": gateways.kills, "calls broken off": gateways.broken_calls}
    report.demand(not early, f"nothing of half a body is recorded: {early} jobs are")
    for batches in recorded:
        kept = all(whole[each][: len(found)] == found for each, found in batches.items())
        report.demand(kept, "what was recorded when the gateway was killed stays in its place")
    for fault in filter(None, faults):
        report.demand(met=False, what=f"each line once, in order: {fault}")
    others = {call.job_id for call in aftermath.calls} - submitted.keys()
    report.demand(not others, f"no job but those of the batches: {len(others)} more")
    return report


def _kill_half_way(uploads: Sequence[_Upload], gateways: Gateways, redis: "Redis") -> int:
    """Kill the gateway while it reads both bodies; returns how many jobs are recorded."""
    for each in uploads:
        assert each.half_sent.wait(SENT_SECONDS), f"half of the body was not sent: {each.what}"
    gateways.kill()
    recorded = len(redis.keys(KEYS.job("*")))
    for each in uploads:
        each.killed.set()
    gateways.replace()
    return recorded


def _until_recorded(least: int, redis: "Redis", handing_in: Sequence[Future[None]]) -> None:
    """Wait until both batches have so many entries."""

    def is_time() -> bool:
        for each in handing_in:
            if each.done():
                each.result()
        batches = _batches(redis)
        have = all(redis.llen(KEYS.batch_entries(each)) >= least for each in batches)
        return have and len(batches) == len(handing_in)

    eventually(is_time, f"both batches have {least} jobs", seconds=WHOLE_SECONDS)


def _kill_while_recording(gateways: Gateways, redis: "Redis") -> dict[str, list[tuple[str, str]]]:
    """Kill the gateway; returns the entries that each batch has then."""
    gateways.kill()
    batches = _batches(redis)
    whole = [each for each in batches if redis.hget(KEYS.batch(each), "sealed") == b"1"]
    assert not whole, f"the gateway was killed too late: {whole} are whole"
    found = {each: _entries(redis, each) for each in batches}
    gateways.replace()
    return found


def _batches(redis: "Redis") -> list[str]:
    found: list[Any] = redis.zrange(KEYS.batches, 0, -1)
    return [each.decode() for each in found]


def _entries(redis: "Redis", batch_id: str) -> list[tuple[str, str]]:
    """The jobs of a batch in their order, each with its custom id."""
    lines: list[Any] = redis.lrange(KEYS.batch_entries(batch_id), 0, -1)
    pairs = [each.decode().split(" ", 1) for each in lines]
    return [(job_id, custom_id) for job_id, custom_id in pairs]


def _flat_line(job: Job) -> dict[str, Any]:
    """A line with the fields of a job."""
    request = job.request.model_dump(mode="json", exclude_none=True)
    return request | {"custom_id": job.id, "metadata": dict(job.metadata)}


def _request_line(job: Job) -> dict[str, Any]:
    """A line as OpenAI's batches have it."""
    return {
        "custom_id": job.id,
        "method": "POST",
        "url": "/v1/rerank",
        "body": job.request.model_dump(mode="json", exclude_none=True),
        "metadata": dict(job.metadata),
    }


def _jsonl(lines: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in lines)


UPLOAD = Row(
    name="gateway-upload",
    fault="the gateway gets SIGKILL while it reads an upload, and while it records one",
    demand="each line of the repeated upload is a job once; D = 0",
    play=_play,
    short=Load(jobs=600, workers=1, latency_ms=100),
    long=Load(rounds=5, jobs=6_000, workers=2, faults=3, latency_ms=100, patience=300),
)
