"""Gateways that are killed while callers wait for their jobs."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from chaos.gateways import Gateways
from chaos.load import Load
from chaos.numbered import ranking
from chaos.row import Arena, Report, Row, report_on, strikes
from rerankq.contract import Job
from rerankq.ledger.record_fields import record_from
from running.keys import KEYS

CALLERS: Final = 24
"""At the same time."""
_END_SECONDS: Final = 20.0
"""A job whose gateway died before its hint was sent is announced within seconds by a worker."""
_JOB: Final = "x-rerankq-job-id"
_REPLAYED: Final = "idempotent-replayed"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a caller got: the job, and the ranking as it was answered."""

    job_id: str
    rows: tuple[tuple[int, float], ...]
    is_replayed: bool


def _rerank(gateways: Gateways, job: Job) -> _Answer:
    """The drop-in call, with an idempotency key."""
    answer = gateways.call("POST", "/v1/rerank", json=_fields(job), headers=_key(job))
    return _Answer(answer.headers[_JOB], _rows(answer.json()), _REPLAYED in answer.headers)


def _rerank_without_key(gateways: Gateways, job: Job) -> _Answer:
    """The drop-in call of a caller who has no key: a repeat is another job."""
    answer = gateways.call("POST", "/v1/rerank", json=_fields(job))
    return _Answer(answer.headers[_JOB], _rows(answer.json()), _REPLAYED in answer.headers)


def _submit_and_poll(gateways: Gateways, job: Job) -> _Answer:
    """A job, and long polls for its end."""
    fields = _fields(job) | {"lane": "interactive"}
    submitted = gateways.call("POST", "/v1/jobs", json=fields, headers=_key(job))
    found: dict[str, Any] = submitted.json()
    while "result" not in found:
        found = gateways.call("GET", f"/v1/jobs/{found['id']}?wait=30").json()
    return _Answer(found["id"], _rows(found["result"]), _REPLAYED in submitted.headers)


WAYS: Final = (_rerank, _submit_and_poll, _rerank_without_key)
"""Callers take turns in them."""


def _way_of(job: Job) -> Callable[[Gateways, Job], _Answer]:
    return WAYS[int(job.metadata["number"]) % len(WAYS)]


def _has_key(job: Job) -> bool:
    return _way_of(job) is not _rerank_without_key


def _play(arena: Arena) -> Report:
    with (
        arena.stage(lane="interactive") as stage,
        Gateways(stage) as gateways,
        stage.redis.client() as redis,
        ThreadPoolExecutor(CALLERS) as threads,
    ):
        stage.start_workers([{}] * stage.load.workers)
        jobs = [*stage.jobs.values()]

        def asked(wanted: Sequence[Job]) -> list[Future[_Answer]]:
            return [threads.submit(_way_of(job), gateways, job) for job in wanted]

        asking = asked(jobs)
        for _ in strikes(arena, stage):
            stage.busy(CALLERS // 2)
            gateways.kill()
            gateways.replace()
        answers = {job.id: each.result() for job, each in zip(jobs, asking, strict=True)}
        keyed = [job for job in jobs if _has_key(job)]
        again = {job.id: each.result() for job, each in zip(keyed, asked(keyed), strict=True)}
        recorded = _recorded(redis)
        stage.jobs |= {answers[job.id].job_id: _as_stored(job, answers[job.id]) for job in jobs}
        left = recorded.keys() - {each.job_id for each in answers.values()}
        # As long as there are workers.
        stage.judge.wait(left, _END_SECONDS)
        aftermath = stage.gather({each.job_id: 0.0 for each in answers.values()})
        ended = {each for each, record in stage.judge.read(left).items() if record.ended}
    report = report_on(aftermath, struck=())
    report.figures |= {"kills": gateways.kills, "calls broken off": gateways.broken_calls}
    wrong = [job.id for job in jobs if not _is_right(job, answers[job.id])]
    report.demand(not wrong, f"each caller gets its own ranking: {wrong[:5]} did not")
    changed = [each for each in again if not _is_replayed(again[each], answers[each])]
    report.demand(not changed, f"a repeat with the key gets the same result: {changed[:5]} did not")
    doubled = [each for each in left if recorded[each]]
    report.demand(not doubled, f"one job for each key: {len(doubled)} more")
    # A caller without a key repeats its call as another job; the first one ends all the same.
    report.demand(ended == left, f"jobs of callers that are gone end: {len(left - ended)} did not")
    report.demand(gateways.broken_calls > 0, "callers were waiting when the gateway was killed")
    return report


def _recorded(redis: "Redis") -> Mapping[str, str | None]:
    """All jobs of the ledger, each with its idempotency key."""
    names: list[Any] = redis.keys(KEYS.job("*"))
    records: list[Any] = redis.mget(names)
    return {
        KEYS.job.name_of(name.decode()): record_from(record).get("idempotency")
        for name, record in zip(names, records, strict=True)
    }


def _fields(job: Job) -> dict[str, Any]:
    return job.request.model_dump(mode="json", exclude_none=True)


def _key(job: Job) -> dict[str, str]:
    return {"Idempotency-Key": job.id}


def _rows(answer: Mapping[str, Any]) -> tuple[tuple[int, float], ...]:
    return tuple((row["index"], row["relevance_score"]) for row in answer["results"])


def _is_right(job: Job, answer: _Answer) -> bool:
    due = ranking(job.request)
    return [index for index, _ in answer.rows] == [index for index, _, _ in due] and all(
        math.isclose(got, score) for (_, got), (_, _, score) in zip(answer.rows, due, strict=True)
    )


def _is_replayed(repeat: _Answer, first: _Answer) -> bool:
    return repeat.is_replayed and (repeat.job_id, repeat.rows) == (first.job_id, first.rows)


def _as_stored(job: Job, answer: _Answer) -> Job:
    """The job as the gateway submitted it: for the drop-in call it keeps the documents back."""
    returned = _way_of(job) is _submit_and_poll
    request = job.request.model_copy(update={"return_documents": returned})
    return job.model_copy(update={"id": answer.job_id, "request": request, "metadata": {}})


WAIT = Row(
    name="gateway-wait",
    fault="the gateway gets SIGKILL while callers wait for rankings",
    demand="one job and one result for each key, also for a repeat; D = 0",
    play=_play,
    short=Load(jobs=240, workers=1),
    long=Load(rounds=20, jobs=3_000, workers=2, faults=5),
)
