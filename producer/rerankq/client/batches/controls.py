"""How a batch stands, and letting it stop, go on, or end."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

from rerankq.client.arrivals import deadline_in
from rerankq.client.batches.one_batch import OneBatch
from rerankq.client.patience import patiently
from rerankq.contract import BatchProgress, BatchState, BatchStatus, WaitReason
from rerankq.errors import ResultTimeout

WATCH_SECONDS: Final = 0.5
MIN_WATCH_SECONDS: Final = 0.01
LOOK_SECONDS: Final = 2.0
"""How often a watch looks why a batch waits, when none of its jobs has ended meanwhile."""


class Controls(OneBatch):
    """What `AsyncBatch` tells of its state, and lets one do about it."""

    async def progress(self) -> BatchProgress:
        """The counts, exact at the moment of reading.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
        """
        return await self._parts.batches.progress(self.id)

    async def status(self, *, why: bool = False) -> BatchStatus:
        """All that is known of it: exact counts by state, its times, its speed, its metadata.

        Args:
            why: also find out why it waits, which takes Redis a few more calls.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
        """
        status = await self._parts.batches.status(self.id)
        if not why:
            return status
        return status.model_copy(update={"waits": await self._parts.why.of_batch(status)})

    async def set_budget(self, budget: str | None) -> None:
        """Set what its jobs may cost together, or lift that with None. What was spent counts.

        Args:
            budget: tokens, such as `"5000000"`, or money, such as `"12.50 USD"`.

        Raises:
            BatchNotFound: no such batch.
            InvalidRequest: it is no budget, or in another unit than the batch's budget before.
        """
        await self._parts.batches.set_budget(self.id, budget)

    async def watch(self, *, every: float = WATCH_SECONDS) -> AsyncGenerator[BatchStatus, None]:
        """Its status now and every so many seconds, until it has ended; the last one says how.

        While no job ends, and when its state changes, it is found out why the batch waits.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        clock = asyncio.get_running_loop().time
        look_at, ended, waits = 0.0, -1, tuple[WaitReason, ...]()
        state: BatchState | None = None
        while True:
            status = await patiently(self.status)
            if clock() >= look_at or status.state is not state:
                stands_still = status.state is not state or status.ended == ended
                waits = await self._waits(status) if stands_still else ()
                look_at, ended, state = clock() + LOOK_SECONDS, status.ended, status.state
            if status.state.ended:
                yield status
                return
            yield status.model_copy(update={"waits": waits})
            await asyncio.sleep(max(every, MIN_WATCH_SECONDS))

    async def wait(self, timeout: float | None = None) -> BatchStatus:  # noqa: ASYNC109  as in `result`
        """Wait until it has ended, up to `timeout` seconds (None: without a limit).

        Raises:
            ResultTimeout: it has not ended yet; wait again.
            BatchNotFound: no such batch: never opened, or past its retention.
            InvalidRequest: `timeout` is not a number.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        clock = asyncio.get_running_loop().time
        deadline = deadline_in(timeout)
        while True:
            is_late = deadline is not None and clock() >= deadline
            status = await patiently(self.status)
            if status.state.ended:
                return status
            if is_late:
                raise ResultTimeout(
                    f"{self.id} has not ended after {timeout:g} seconds: it goes on, so wait again"
                )
            left = WATCH_SECONDS if deadline is None else max(0.0, deadline - clock())
            await asyncio.sleep(min(WATCH_SECONDS, left))

    async def pause(self) -> bool:
        """Let none of its jobs begin; False when it was paused already. Running jobs end.

        Jobs can be added meanwhile. A deadline holds: what has not ended by then expires.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
            BatchClosed: it has ended, or was cancelled.
        """
        return await self._parts.batches.pause(self.id)

    async def resume(self) -> int:
        """Let its jobs go on; returns how many were held. Safe to repeat.

        Workers help, and do the rest when this breaks off: no job is lost.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        held, is_first = (await patiently(self.status)).held, True
        while True:
            portion = await patiently(
                partial(self._parts.batches.resume, self.id, is_first=is_first)
            )
            for lane, job_ids in portion.announce.items():
                await self._parts.publishing.announce_again(lane, job_ids)
            is_first = False
            if not portion.left:
                await self._parts.publishing.flush()
                return held

    async def cancel(self) -> int:
        """Cancel it: none of its jobs begins any more, and none is added.

        Returns how many jobs this has ended, with those that workers ended meanwhile. The call of a
        job that is running may still be billed; its ranking is not kept. What has ended stays as it
        is. Safe to repeat.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        batches = self._parts.batches
        before = await patiently(self.progress)
        await patiently(partial(batches.cancel, self.id))
        is_last = False
        while not is_last:
            _, is_last = await patiently(partial(batches.cancel_portion, self.id))
        return (await patiently(self.progress)).cancelled - before.cancelled

    async def _waits(self, status: BatchStatus) -> tuple[WaitReason, ...]:
        return await patiently(partial(self._parts.why.of_batch, status))
