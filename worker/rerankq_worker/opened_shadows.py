"""Sends copies of jobs to sites that are tried out, if there are any: by routes of their own."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from rerankq.contract import Lane
from rerankq.events import Events
from rerankq.store.store import Store
from rerankq_worker.jobs.long_documents import LongDocumentCutter
from rerankq_worker.jobs.shadows import MOST_AT_ONCE, Shadows
from rerankq_worker.opened_routes import routes_apart
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream.sites import Site


@asynccontextmanager
async def opened_shadows(
    sites: Sequence[Site],
    settings: WorkerSettings,
    lane: Lane,
    store: Store,
    *,
    worker: str,
    may_call: Callable[[], bool],
    events: Events,
    cutter: LongDocumentCutter,
) -> AsyncIterator[Shadows | None]:
    """What sends the copies while the block runs; None when no site is tried out.

    Args:
        sites: all sites.
        settings: the user's settings.
        lane: the lane that the worker serves.
        store: where accounts and breakers are.
        worker: the worker's name.
        may_call: whether the worker may begin calls.
        events: told how rankings agree.
        cutter: does with long documents of copies what was done with those of their jobs.
    """
    tried = [each for each in sites if each.shadow]
    if not tried:
        yield None
        return
    async with routes_apart(
        *(tried, settings, lane, store),
        worker=f"{worker}.shadows",
        most_calls=MOST_AT_ONCE,
        events=events,
    ) as routes:
        shadows = Shadows(tried, routes, may_call=may_call, events=events, cutter=cutter)
        try:
            yield shadows
        finally:
            await shadows.end()
