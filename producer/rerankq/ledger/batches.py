"""Jobs that belong together, in order, with the lines of input that are no jobs."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from rerankq.contract import BatchOptions
from rerankq.cost.budget import Budget
from rerankq.errors import InvalidRequest
from rerankq.events import (
    BatchOpened,
    BatchSealed,
    Events,
)
from rerankq.ledger.batch_controls import BatchControls
from rerankq.ledger.batch_ends import tell_of_ended
from rerankq.ledger.batch_entries import Entry, ExistingJob, OwnJob, RejectedLine
from rerankq.ledger.batch_readings import not_found
from rerankq.ledger.batch_scripts import (
    COLLECTED,
    FEEDING,
    NOTE,
    NOTE_RETRY,
    OPEN,
    SEAL,
    SET_BUDGET,
)
from rerankq.ledger.callback_workers import CallbackWorkers
from rerankq.ledger.outbox import check_callbacks
from rerankq.ledger.ownership import Ownership
from rerankq.store.store import Retention, Store

__all__ = ["Batches", "Entry", "ExistingJob", "OwnJob", "RejectedLine"]

KEPT_SECONDS: Final = 31 * 24 * 3600.0
_NO_OPTIONS: Final = BatchOptions()


class Batches(BatchControls):
    """Opens, feeds, controls and reads batches.

    Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        retention: how long results are kept once their batch was collected.
        kept_seconds: how long a new batch is kept, and its results until they are collected.
        events: told of what happens to batches.
        ownership: whose they are: those of others are not found. None for all.
        prices: the user's file of prices, for budgets in money.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        *,
        kept_seconds: float = KEPT_SECONDS,
        events: Events | None = None,
        ownership: Ownership | None = None,
        prices: Path | None = None,
    ) -> None:
        self._prices = prices
        super().__init__(
            store,
            retention,
            kept_seconds=kept_seconds,
            events=events or Events(),
            ownership=ownership or Ownership(store, None),
        )
        self._callback_workers = CallbackWorkers(store)

    def of(self, ownership: Ownership) -> "Batches":
        """The same, for one tenant."""
        made = Batches(
            self._store,
            self._retention,
            kept_seconds=self._kept_ms / 1000,
            events=self._events,
            ownership=ownership,
            prices=self._prices,
        )
        # It warns once a minute for all tenants together.
        made._callback_workers = self._callback_workers
        return made

    async def open(
        self,
        options: BatchOptions = _NO_OPTIONS,
        *,
        tenant: str | None = None,
        batch_id: str | None = None,
        retry_of: str | None = None,
    ) -> str:
        """Start a batch; returns its id. Jobs enter it by carrying that id.

        Args:
            options: how it is opened.
            tenant: whose it is.
            batch_id: its id, if the caller chooses it: a repeat then finds the batch.
            retry_of: the batch whose failed jobs it repeats.

        Raises:
            BatchNotFound: another tenant has a batch with that id.
            InvalidRequest: a callback names an unknown webhook, or a tenant's names a task; or
                there is no such budget.
        """
        own = self._ownership.tenant or tenant
        check_callbacks(options.callbacks, own)
        if options.callbacks:
            await self._callback_workers.warn()
        named = batch_id or f"batch-{uuid.uuid4()}"
        kept = options.kept_seconds
        (opened,) = await self._store.run(
            OPEN(
                batch=named,
                kept_ms=self._kept_ms if kept is None else int(kept * 1000),
                tenant=own or "",
                fields=_fields(options, retry_of) | self._budget(options.budget),
            )
        )
        if opened == _NO_WEBHOOK:
            raise InvalidRequest("callbacks", "names a webhook that there is not: see its id")
        if opened < 0:
            raise not_found(named)
        if opened:
            self._events.tell(BatchOpened(batch_id=named))
        return named

    async def feeding(self, batch_id: str) -> None:
        """Note that the batch is still being fed, also when nothing is added for a while."""
        await self._check(batch_id)
        await self._store.run(FEEDING(batch_id))

    async def reject(self, batch_id: str, line: RejectedLine) -> None:
        """Record a line that is no job, at its place in the order."""
        await self._check(batch_id)
        await self._store.run(NOTE(batch_id, line.encode(), counter="rejected", id=""))

    async def adopt(self, batch_id: str, existing: ExistingJob) -> None:
        """Record that a line's job was accepted earlier, at its place in the order.

        From now on that job's result is kept as long as the batch.
        """
        await self._check(batch_id)
        await self._store.run(
            NOTE(batch_id, existing.encode(), counter="existing", id=existing.job_id)
        )

    async def set_budget(self, batch_id: str, budget: str | None) -> None:
        """Set what its jobs may cost together, or lift that.

        Raises:
            BatchNotFound: no such batch.
            InvalidRequest: it is no budget, or in another unit than the batch's budget before.
        """
        await self._check(batch_id)
        if not await self._store.run(SET_BUDGET(batch_id, self._budget(budget))):
            if not await self.seconds_left(batch_id):
                raise not_found(batch_id)
            raise InvalidRequest(
                "budget", "must be in the unit in which the batch has spent so far"
            )

    def _budget(self, budget: str | None) -> dict[str, Any]:
        return Budget.parse(budget).fields(self._prices) if budget else {}

    async def seal(self, batch_id: str, *, cut_at: int | None = None) -> None:
        """Say that nothing more will be added: the batch is done when all its jobs have ended.

        Args:
            batch_id: the batch.
            cut_at: the first line of input that was not submitted; None when all were.
        """
        await self._check(batch_id)
        cut = "" if cut_at is None else str(cut_at)
        _, ended = await self._store.run(SEAL(batch_id, cut_at=cut))
        self._events.tell(BatchSealed(batch_id=batch_id, cut_at=cut_at))
        tell_of_ended(self._events, ended)

    async def note_retry(self, batch_id: str, retry: str) -> str:
        """Note the batch that will repeat its failed jobs; returns its id.

        That is an earlier one if there is one that is not sealed yet: its caller died.

        Raises:
            BatchNotFound: no such batch.
        """
        await self._check(batch_id)
        noted = await self._store.run(NOTE_RETRY(batch_id, retry))
        if noted is None:
            raise not_found(batch_id)
        return noted

    async def collected(self, batch_id: str, job_ids: Sequence[str]) -> None:
        """Note that the batch's reader has the results of these jobs.

        From now on these have their ordinary retention; the batch does not keep them any longer.
        """
        await self._check(batch_id)
        await self._store.run(
            COLLECTED(
                keep_result_ms=self._retention.result_ms,
                keep_dead_ms=self._retention.dead_ms,
                batch=batch_id,
                ids=tuple(job_ids),
            )
        )


_NO_WEBHOOK: Final = -2


def _fields(options: BatchOptions, retry_of: str | None) -> dict[str, Any]:
    """The fields of its record that its options give."""
    given = {
        "deadline": options.deadline_seconds and int(options.deadline_seconds * 1000),
        "expected": options.expected,
        "retry_of": retry_of,
        "metadata": _json(options.metadata),
        "details": _json(options.details),
        "callbacks": _json([each.model_dump(exclude_none=True) for each in options.callbacks]),
    }
    return {name: value for name, value in given.items() if value is not None}


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None
