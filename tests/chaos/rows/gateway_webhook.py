"""A gateway that is killed while it calls webhooks."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis
from standardwebhooks import Webhook, WebhookVerificationError

from chaos.load import Load
from chaos.row import Arena, Report, Row
from rerankq import Batch, RerankClient
from rerankq.contract import Callback, Job, NewWebhook, RerankRequest, TryOutcome
from running.gateway import GatewayProcess
from running.keys import KEYS
from running.outbox import make_due
from running.receiver import Call, Receiver
from running.redis_server import RedisServer
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

WEBHOOKS: Final = 4
BATCHES: Final = 20
"""Every other one of them is never sealed, so nothing is to be told of it."""
ANSWER_SECONDS: Final = 0.02
LATER: Final = 3e9
"""A time that does not come in this round."""
SETTINGS: Final = {
    "RERANKQ_GATEWAY_WEBHOOK_HTTP": "1",
    "RERANKQ_GATEWAY_WEBHOOK_NETWORKS": "127.0.0.1",
}
Said = tuple[str, str]
"""What a webhook is told: the type of an event, and whose it is."""


@dataclass(slots=True)
class _Round:
    """A round while it is played.

    Attributes:
        ended: what has happened, and so must be told: by webhook and event.
        under_way: F, what the gateway had taken when it was killed, and not noted.
    """

    url: str
    client: RerankClient
    redis: Redis
    receiver: Receiver
    worker: StandInWorker
    webhooks: Sequence[NewWebhook]
    ended: dict[str, dict[str, Said]] = field(default_factory=dict)
    under_way: int = 0


def _play(arena: Arena) -> Report:
    with _opened(arena) as found:
        jobs = [_job(number, found.webhooks) for number in range(arena.load.jobs)]
        for number, handle in enumerate(found.client.submit_many(jobs)):
            if number % 10 == 3:
                handle.cancel()
        batches = [found.client.open_batch() for _ in range(BATCHES)]
        shares = sorted(arena.chance.uniform(0.1, 0.6) for _ in range(arena.load.faults))
        for share in shares:
            with GatewayProcess(arena.folder, found.url, **SETTINGS) as gateway:
                # Jobs end while webhooks are called.
                found.worker.go()
                for batch in batches[::2]:
                    batch.seal()
                found.receiver.came(int(share * arena.load.jobs), seconds=arena.load.patience)
                gateway.stop(signal.SIGKILL)
            found.under_way += int(found.redis.zcard(KEYS.outbox_taken("http")))
            _note_ends(found, jobs, batches)
            # As if the minute of its leases were over.
            make_due(found.redis)
        with GatewayProcess(arena.folder, found.url, **SETTINGS):
            eventually(
                lambda: not _waiting(found.redis), "all are told", seconds=arena.load.patience
            )
        return _judged(found)


@contextmanager
def _opened(arena: Arena) -> Iterator[_Round]:
    released = threading.Event()
    with (
        RedisServer(arena.folder) as server,
        Receiver() as receiver,
        RerankClient(server.url) as client,
        server.client() as redis,
        StandInWorker(server.url, holds=True) as worker,
    ):

        def answer(_: int) -> tuple[int, Mapping[str, str]]:
            # A call takes a while, so that some are under way at a kill.
            released.wait(ANSWER_SECONDS)
            return 204, {}

        receiver.answer = answer
        deaf = [client.webhooks.create(receiver.url, events=[]) for _ in range(WEBHOOKS - 1)]
        webhooks = [client.webhooks.create(receiver.url), *deaf]
        yield _Round(server.url, client, redis, receiver, worker, webhooks)
        released.set()


def _job(number: int, webhooks: Sequence[NewWebhook]) -> Job:
    """Of ten jobs one fails, one is cancelled by the row, and one does not run in this round."""
    is_bad, is_later = number % 10 == 5, number % 10 == 7
    return Job(
        id=f"n{number}",
        request=RerankRequest(query="fail" if is_bad else "q", documents=("a", "b")),
        callbacks=(Callback(webhook=webhooks[number % WEBHOOKS].id),),
        not_before=LATER if is_later else None,
    )


def _waiting(redis: Redis) -> int:
    size: Any = redis.hget(KEYS.outbox_size, "http")
    return int(size or 0)


def _note_ends(found: _Round, jobs: Sequence[Job], batches: Sequence[Batch]) -> None:
    """Note what the ledger says, once, when all jobs that can run have ended."""
    if found.ended:
        return
    runnable = sum(number % 10 not in {3, 7} for number in range(len(jobs)))
    eventually(lambda: len(found.worker.ended) == runnable, "all jobs have ended", seconds=60)
    found.ended = {webhook.id: {} for webhook in found.webhooks}
    for number, job in enumerate(jobs):
        state = found.client.status(job.id).state
        if state.ended:
            webhook = found.webhooks[number % WEBHOOKS]
            found.ended[webhook.id][f"evt_job_{job.id}"] = f"job.{state}", job.id
    for batch in batches[::2]:
        told = f"batch.{batch.status().state}", batch.id
        found.ended[found.webhooks[0].id][f"evt_batch_{batch.id}"] = told


def _judged(found: _Round) -> Report:
    due = {event: said for told in found.ended.values() for event, said in told.items()}
    secrets = {event: each.secret for each in found.webhooks for event in found.ended[each.id]}
    calls = Counter(each.headers["webhook-id"] for each in found.receiver.calls)
    lies = [each for each in found.receiver.calls if not _is_true(each, due, secrets)]
    lost = due.keys() - calls.keys()
    report = Report(
        jobs=len(due),
        lost=len(lost),
        stuck=_waiting(found.redis),
        wrong=len(lies),
        repeats=calls.total() - len(calls),
        in_flight=found.under_way,
    )
    report.demand(not lost, f"each end is told at least once: {sorted(lost)[:5]} are not")
    report.demand(not lies, f"no end is told that is not there: {len(lies)} calls do")
    report.demand(
        report.repeats <= found.under_way, f"D <= F: D = {report.repeats}, F = {found.under_way}"
    )
    report.demand(found.under_way > 0, "calls were under way when the gateway was killed")
    wrong = [each.id for each in found.webhooks if not _is_log_right(found, each.id)]
    report.demand(not wrong, f"the log has one delivery for each event: {wrong} do not")
    return report


def _is_true(call: Call, due: Mapping[str, Said], secrets: Mapping[str, str]) -> bool:
    """Whether it tells what has happened, and is signed."""
    event = call.headers["webhook-id"]
    told = json.loads(call.body)
    if event not in due or (told["type"], told["data"]["id"]) != due[event]:
        return False
    try:
        Webhook(secrets[event]).verify(call.body, dict(call.headers))
    except WebhookVerificationError:
        return False
    return bool(told["id"] == event)


def _is_log_right(found: _Round, webhook: str) -> bool:
    """Whether each event was noted as delivered, once, with no try after that."""
    rows = found.client.webhooks.log(webhook)
    delivered = Counter(each.event_id for each in rows if each.outcome is TryOutcome.DELIVERED)
    is_whole = all(each.status == 204 and each.attempt >= 1 for each in rows)
    return is_whole and dict(delivered) == dict.fromkeys(found.ended[webhook], 1)


KILLED = Row(
    name="gateway-webhook",
    fault="a gateway gets SIGKILL while it calls webhooks",
    demand="each end is told at least once, none that is not there; D <= F; the log is right",
    play=_play,
    short=Load(jobs=400),
    # The log of a webhook has 1,000 lines.
    long=Load(rounds=20, jobs=3_800, faults=3, patience=300),
)
