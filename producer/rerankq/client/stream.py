"""A stream of drafts, recorded a portion at a time: one while the next is read and checked."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from rerankq.client.admissions import Admissions, Offered, foremost
from rerankq.client.drafts import Portion, jobs_from
from rerankq.client.publishing import Publishing
from rerankq.errors import QueueFull

Recorded = tuple[list[str], bool]
"""Ids of jobs that were accepted, and whether another portion is wanted."""
Recording = AsyncGenerator[Recorded, Portion | None]


async def send(recording: Recording, portion: Portion | None) -> Recorded | None:
    """Hand a portion to `recorded`, None where there are no more; None once it is over."""
    try:
        return await recording.asend(portion)
    except StopAsyncIteration:
        return None


async def leave(recording: Recording) -> None:
    """Record no more: of what is under way nobody will be told."""
    # A call of `send` that was interrupted ends it already.
    with suppress(RuntimeError):
        await recording.aclose()


async def recorded(
    admissions: Admissions,
    publishing: Publishing,
    *,
    model: str,
    patience: float | None,
) -> Recording:
    """Take portions by `send`, None first and at the end, and give the ids of the portion before.

    Behind the last ids comes the error that the stream comes to, if any.

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
            jobs, fault = jobs_from(drafts, default_model=model, start=start)
            first, start = start, start + len(drafts)
            earlier, refused = await recording if recording else ([], None)
            recording = None
            if not isinstance(refused, QueueFull):
                offer = admissions.offer_drafts(jobs, start=first, patience=patience)
                recording = asyncio.create_task(offer)
            # Under way while the next portion is read and checked: neither waits for the other.
            await asyncio.sleep(0)
            portion = yield earlier, not (refused or fault or broken)
        last, refusal = await recording if recording else ([], None)
        yield last, False
    finally:
        if recording:
            # Of no effect at the stream's end; else nobody waits for what is under way.
            recording.cancel()
    if wrong := foremost(refused, refusal, fault):
        raise wrong from broken
    await publishing.flush()
    if broken:
        raise broken
