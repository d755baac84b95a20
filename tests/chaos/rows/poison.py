"""Messages in the Celery queue that are no hints: a worker must go on working."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from redis import Redis

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.stage import Stage
from rerankq.broker.announce import Announcer
from rerankq.contract import Lane
from running.keys import KEYS
from running.waiting import eventually

QUARANTINED_SECONDS = 30.0


def _poison(arena: Arena) -> Report:
    with arena.stage() as stage, stage.redis.client() as redis:
        poison = _messages(_sound_message(stage, redis))
        stage.start()
        pids = [worker.process.pid for worker in stage.workers]
        for share in (0.2, 0.4, 0.6):
            stage.called(int(share * stage.load.jobs))
            for message in poison.values():
                redis.lpush(Lane.BULK.queue, message)
        put_in = 3 * len(poison)
        eventually(
            lambda: redis.llen(KEYS.poison) >= put_in,
            f"{put_in} messages are quarantined",
            seconds=QUARANTINED_SECONDS,
        )
        counted = sum(map(int, redis.hvals(KEYS.poison_counts)))
        alive = [worker.process.poll() is None for worker in stage.workers]
        aftermath = stage.settle()
    report = report_on(aftermath)
    report.figures["quarantined"] = counted
    report.demand(counted == put_in, f"quarantined and counted: {counted} of {put_in}")
    report.demand(all(alive), f"0 restarts: the workers {pids} are alive: {alive}")
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


def _sound_message(stage: Stage, redis: Redis) -> dict[str, Any]:
    """A real message, from which each poisoned one is made; it names a job that does not exist."""
    announcer = Announcer(stage.redis.url)
    announcer.announce(Lane.BULK, ["no-such-job"])
    announcer.close()
    raw = redis.rpop(Lane.BULK.queue)
    assert isinstance(raw, bytes)
    message: dict[str, Any] = json.loads(raw)
    return message


def _messages(sound: Mapping[str, Any]) -> dict[str, bytes]:
    def changed(part: str, **changes: Any) -> bytes:
        return json.dumps({**sound, part: {**sound[part], **changes}}).encode()

    headers = {name: value for name, value in sound["headers"].items() if name != "id"}
    packed = b64encode(gzip.compress(sound["body"].encode())).decode()
    return {
        "not JSON": b"\xff\x00 this is no JSON {",
        "no envelope": b"[1, 2, 3]",
        "empty": b"",
        "no id": json.dumps({**sound, "headers": headers}).encode(),
        "unknown task": changed("headers", task="somebody.elses.task"),
        "wrong body shape": json.dumps({**sound, "body": '{"lane": "bulk"}'}).encode(),
        "body not JSON": json.dumps({**sound, "body": "[[], {"}).encode(),
        "no hint": json.dumps({**sound, "body": '[[], {"lane": "bulk"}, {}]'}).encode(),
        "compressed": json.dumps(
            {
                **sound,
                "body": packed,
                "headers": {**sound["headers"], "compression": "application/x-gzip"},
                "properties": {**sound["properties"], "body_encoding": "base64"},
            }
        ).encode(),
        "pickle": json.dumps({**sound, "content-type": "application/x-python-serialize"}).encode(),
    }


POISON = Row(
    name="poison",
    fault="messages that are no hints: wrong shape, no id, no JSON, unknown task, compressed",
    demand="the worker stays up; all are quarantined and counted; 0 restarts",
    play=_poison,
    short=Load(jobs=300),
    # Each kind comes three times a round: more rounds would show the same.
    long=Load(rounds=3, jobs=3_000, workers=3, max_in_flight=50),
)
