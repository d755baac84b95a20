"""Records a stream of drafts in portions: one is recorded while the next is read and checked."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from rerankq.client.admissions import Admissions, Offered, foremost
from rerankq.client.drafts import Portion, jobs_from
from rerankq.client.publishing import Publishing
from rerankq.errors import QueueFull

Recorded = tuple[list[str], bool]
"""Ids of jobs that were accepted, and whether it takes another portion."""
Recording = AsyncGenerator[Recorded, Portion | None]


async def send(recording: Recording, portion: Portion | None) -> Recorded | None:
    """Send a portion to `recorded`, None when there are no more; returns None once it has ended."""
    try:
        return await recording.asend(portion)
    except StopAsyncIteration:
        return None


async def leave(recording: Recording) -> None:
    """Record no more: the ids of jobs under way are not given."""
    # Not needed after an interrupted `send`: it has ended then.
    with suppress(RuntimeError):
        await recording.aclose()


async def recorded(
    admissions: Admissions,
    publishing: Publishing,
    *,
    model: str,
    patience: float | None,
    tenant: str | None = None,
) -> Recording:
    """Take portions by `send`, None first and at the end; give the ids of the portion before.

    After the last ids it raises the stream's error, if there is one.

    Raises:
        RerankqError: as `AsyncRerankClient.submit_many` says.
        Exception: what the drafts themselves raised.
    """
    start, fault, refused = 0, None, None
    broken: Exception | None = None
    recording: asyncio.Task[Offered] | None = None
    try:
        portion = yield [], True
        while portion:
            drafts, broken = portion
            jobs, fault = jobs_from(drafts, default_model=model, tenant=tenant, start=start)
            first, start = start, start + len(drafts)
            earlier, refused = await recording if recording else ([], None)
            recording = None
            if not isinstance(refused, QueueFull):
                offer = admissions.offer_drafts(jobs, start=first, patience=patience)
                recording = asyncio.create_task(offer)
            # Recording goes on while the next portion is read and checked.
            await asyncio.sleep(0)
            portion = yield earlier, not (refused or fault or broken)
        last, refusal = await recording if recording else ([], None)
        yield last, False
    finally:
        if recording:
            # No effect at the stream's end; otherwise the recording is not needed any more.
            recording.cancel()
    if wrong := foremost(refused, refusal, fault):
        raise wrong from broken
    await publishing.flush()
    if broken:
        raise broken
