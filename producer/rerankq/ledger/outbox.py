"""The outbox: deliveries of ends that wait to be sent, by webhooks or as Celery tasks.

The ledger writes a delivery in the same step as the end. Whoever sends takes it under a lease,
sends, and notes how it went. In this order: a sender that dies in between has it sent again.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from rerankq.contract.batch import Callback
from rerankq.contract.webhook import Disabled, TryOutcome, WebhookTry
from rerankq.errors import InvalidRequest
from rerankq.ledger.scripts import PACKAGE
from rerankq.store.script import FLAG, MAYBE_TEXT, ROWS, Script
from rerankq.store.store import Store

DELAYS: Final = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 28800.0, 28800.0)
"""Seconds from each try to the next; after the last it is given up, 24 hours after the first."""
GIVE_UP_SECONDS: Final = 24 * 3600.0
SPREAD: Final = 0.2
"""Delays differ by so much in both directions, so that not all come back at once."""


class Kind(StrEnum):
    """How deliveries are sent."""

    HTTP = "http"
    CELERY = "celery"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that was taken, for one try.

    Attributes:
        kind: how it is sent.
        event: the event's id; the same in every try.
        target: the webhook's id, or the task and the queue.
        type: of the event, such as `batch.completed`.
        id: of the job or the batch that has ended.
        created_at: when it ended, in Unix seconds.
        attempt: the number of this try, from 1.
        url: of the webhook.
        secrets: by which it is signed; two while one is being replaced.
        tenant: whose webhook it is; None for the operator's.
        traceparent: the span that the job was submitted in, in W3C's form.
    """

    kind: Kind
    event: str
    target: str
    type: str
    id: str
    created_at: float
    attempt: int
    url: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    tenant: str | None = None
    traceparent: str | None = None

    @property
    def task(self) -> tuple[str, str | None]:
        """Name of the Celery task, and its queue if one is named."""
        name, _, queue = self.target.partition(" ")
        return name, queue or None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a try went.

    Attributes:
        outcome: in a word.
        status: of the answer.
        ms: how long it took.
        reason: what went wrong, without anything of the answer's body.
        retry_after: seconds for which the receiver wants to be left alone.
    """

    outcome: TryOutcome
    status: int | None = None
    ms: int = 0
    reason: str = ""
    retry_after: float | None = None


def delay_after(attempt: int, retry_after: float | None = None) -> float | None:
    """Seconds until the next try; None when there is none.

    Args:
        attempt: the number of the try that failed.
        retry_after: seconds that the receiver asks for. At most as much as the delay after the next
            try is granted.
    """
    if attempt > len(DELAYS):
        return None
    delay = DELAYS[attempt - 1]
    if retry_after is not None:
        longest = DELAYS[min(attempt, len(DELAYS) - 1)]
        delay = max(delay, min(retry_after, longest))
    return delay * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311  protects nothing


def check_callbacks(callbacks: Sequence[Callback] | None, tenant: str | None) -> None:
    """Refuse what a tenant must not name: tasks are those of the operator's own applications.

    Raises:
        InvalidRequest: it names a task.
    """
    if tenant is not None and any(each.task is not None for each in callbacks or ()):
        raise InvalidRequest("callbacks", "may name webhooks only: tasks are for the operator")


class _Take(NamedTuple):
    kind: str
    most: int
    at_once: int
    lease_ms: int
    busy: list[str]


class _Done(NamedTuple):
    kind: str
    event: str
    target: str
    again_ms: int
    outcome: str
    row: str
    give_up_ms: int
    rest_ms: int


class _Replay(NamedTuple):
    event: str
    endpoint: str


_KEYS: Final = ("outbox", "outbox_due", "outbox_size")
TAKE: Final = Script(
    *(PACKAGE, "outbox/take", _Take),
    keys=(*_KEYS, "outbox_taken", "delivery", "webhook"),
    reply=ROWS,
)
DONE: Final = Script(
    *(PACKAGE, "outbox/done", _Done),
    keys=(*_KEYS, "outbox_taken", "webhook", "webhook_log"),
    reply=MAYBE_TEXT,
)
REPLAY: Final = Script(
    PACKAGE, "outbox/replay", _Replay, keys=(*_KEYS, "delivery", "webhook"), reply=FLAG
)


class Outbox:
    """The deliveries of one ledger. Calls raise LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(
        self,
        kind: Kind,
        most: int,
        *,
        at_once: int,
        lease_seconds: float,
        busy: Sequence[str | None] = (),
    ) -> list[Delivery]:
        """Deliveries that are due, for one try each. Targets have their turns.

        Args:
            kind: how the caller sends.
            most: how many at most.
            at_once: how many tries of one target may be under way in all processes together.
            lease_seconds: for how long nobody else gets them.
            busy: tenants of which the caller takes none for now; None for the operator.
        """
        named = [each or "" for each in busy]
        rows = await self._store.run(TAKE(kind, most, at_once, int(lease_seconds * 1000), named))
        return [_delivery(kind, *row) for row in rows]

    async def done(self, delivery: Delivery, verdict: Verdict) -> tuple[float | None, str | None]:
        """Note how a try went.

        Returns:
            Seconds until the next try, or None when it is over; and why its webhook has been
            disabled by this, or None.
        """
        again = None
        if verdict.outcome is TryOutcome.FAILED:
            again = delay_after(delivery.attempt, verdict.retry_after)
        row = "" if delivery.kind is Kind.CELERY else await self._row(delivery, verdict, again)
        disabled = await self._store.run(
            DONE(
                kind=delivery.kind,
                event=delivery.event,
                target=delivery.target,
                again_ms=-1 if again is None else int(again * 1000),
                outcome=verdict.outcome,
                row=row,
                give_up_ms=int(GIVE_UP_SECONDS * 1000),
                rest_ms=int(min(verdict.retry_after or 0.0, GIVE_UP_SECONDS) * 1000),
            )
        )
        return again, disabled and Disabled(disabled)

    async def _row(self, delivery: Delivery, verdict: Verdict, again: float | None) -> str:
        seconds, micros = await self._store.command("TIME")
        told = WebhookTry(
            event_id=delivery.event,
            type=delivery.type,
            at=int(seconds) + int(micros) / 1_000_000 - verdict.ms / 1000,
            attempt=delivery.attempt,
            outcome=verdict.outcome,
            status=verdict.status,
            ms=verdict.ms,
            reason=verdict.reason,
            again_in=again,
        )
        return told.encode().decode()


def _delivery(kind: Kind, event: bytes, target: bytes, stored: bytes, *endpoint: bytes) -> Delivery:
    fields: dict[str, Any] = orjson.loads(stored)
    url, secret, old_secret, tenant = (each.decode() for each in endpoint or (b"",) * 4)
    return Delivery(
        kind=kind,
        event=event.decode(),
        target=target.decode(),
        type=str(fields.get("type", "")),
        id=str(fields.get("id", "")),
        created_at=float(fields.get("created", 0)) / 1000,
        attempt=int(fields.get("tries", 1)),
        url=url,
        secrets=tuple(filter(None, (secret, old_secret))),
        tenant=tenant or None,
        traceparent=fields.get("trace"),
    )
