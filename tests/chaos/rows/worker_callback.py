"""A worker that is killed while it sends Celery tasks of users."""

import base64
import json
from collections import Counter
from itertools import chain
from typing import Any, Final

from redis import Redis

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on, strikes
from rerankq.contract import Callback
from running.keys import KEYS
from running.outbox import make_due
from running.waiting import eventually

TASK: Final = "shop.ended"
QUEUE: Final = "shop"
_TARGET: Final = f"{TASK} {QUEUE}"


def _play(arena: Arena) -> Report:
    callbacks = (Callback(task=TASK, queue=QUEUE),)
    with arena.stage(callbacks=callbacks) as stage, stage.redis.client() as redis:
        stage.start()
        faults, under_way = [], set[str]()
        for _ in strikes(arena, stage):
            victim = arena.chance.choice(stage.workers)
            faults.append(stage.kill(victim))
            under_way |= _waiting(redis, KEYS.outbox_taken("celery"))
            stage.replace(victim)
        stage.producer.finish(stage.load.patience)
        stage.judge.wait(stage.jobs, stage.load.patience)
        eventually(
            lambda: _waiting(redis, KEYS.outbox_due("celery", _TARGET)) <= under_way,
            "all are sent but those of the dead",
            seconds=stage.load.patience,
        )
        # As if the minute of their leases were over.
        make_due(redis)
        eventually(
            lambda: not _waiting(redis, KEYS.outbox_due("celery", _TARGET)),
            "these are sent too",
            seconds=stage.load.patience,
        )
        sent = _sent(redis)
        aftermath = stage.settle()
    struck = list(chain.from_iterable(aftermath.unwritten(each) for each in faults))
    report = report_on(aftermath, struck=struck)
    due = {f"evt_job_{job_id}": job_id for job_id in aftermath.accepted}
    lost = due.keys() - {event for event, _ in sent}
    lies = [each for each in sent if due.get(each[0]) != each[1]]
    again = sent.total() - len(sent)
    report.figures |= {"tasks sent again": again, "tasks under way": len(under_way)}
    report.demand(not lost, f"a task for each job: {len(lost)} were not sent")
    report.demand(not lies, f"no task for what has not ended: {len(lies)} were sent")
    report.demand(
        again <= len(under_way), f"sent again is what was under way: {again}, {len(under_way)}"
    )
    return report


def _waiting(redis: Redis, key: str) -> set[str]:
    """The events in a sorted set of the outbox."""
    found: Any = redis.zrange(key, 0, -1)
    return {each.decode().partition(" ")[0] for each in found}


def _sent(redis: Redis) -> Counter[tuple[str, str]]:
    """The tasks that lie in the application's queue: id and argument of each."""
    messages: Any = redis.lrange(QUEUE, 0, -1)
    return Counter(_essence(json.loads(each)) for each in messages)


def _essence(message: dict[str, Any]) -> tuple[str, str]:
    (job_id,), _, _ = json.loads(base64.b64decode(message["body"]))
    assert message["headers"]["task"] == TASK
    return message["headers"]["id"], job_id


KILLED = Row(
    name="worker-callback",
    fault="a worker gets SIGKILL while it sends Celery tasks of users",
    demand="D <= F; a task for each job, none for others; sent again is only what was under way",
    play=_play,
    short=Load(jobs=600),
    long=Load(rounds=20, jobs=10_000, workers=3, max_in_flight=50, faults=3, patience=300),
)
