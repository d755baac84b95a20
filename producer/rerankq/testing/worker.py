"""A small worker on the real ledger: it claims the jobs of hints, ranks them and writes ends."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Final, Self

from rerankq.broker.hint_reader import HintReader
from rerankq.contract import Job, JobState, RerankRequest, RerankResult, Timings
from rerankq.errors import JobFailed, LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.failures import Failure
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq.ledger.sweep import SWEEP_SECONDS, Sweep
from rerankq.settings import ClientSettings
from rerankq.store.store import Retention, Store
from rerankq.testing.scores import Retryable, Scores, ranked
from rerankq.testing.threads import DaemonThreads

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 30.0
HINT_SECONDS: Final = 0.1
AWAY_SECONDS: Final = 0.1


class FakeWorker:
    """Works in a thread of its own, within `with`.

    Args:
        settings: the ledger, and how long results are kept.
        scores: returns the function that ranks; called for each attempt.
        asked: told of each request before it is ranked.
        max_attempts: attempts after which a job fails.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        scores: Callable[[], Scores],
        asked: Callable[[RerankRequest], None],
        max_attempts: int,
    ) -> None:
        self._settings = settings
        self._address = (settings.redis_url, settings.namespace)
        self._scores = scores
        self._asked = asked
        self._max_attempts = max_attempts
        self._held: dict[Lease, asyncio.Task[None]] = {}
        self._stopping = threading.Event()
        self._threads = DaemonThreads()
        self._thread = threading.Thread(target=self._run, name="rerankq-fake-worker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        settings, name = self._settings, f"fake.{token_hex(8)}"
        retention = Retention(settings.result_ttl, settings.dead_ttl)
        async with Store(settings.redis_url, settings.namespace) as store:
            leases = Leases(store, retention, worker=name, lease_seconds=LEASE_SECONDS)
            sweep = Sweep(store, retention, lease_seconds=LEASE_SECONDS, worker=name)
            try:
                async with asyncio.TaskGroup() as duties:
                    sweeping = duties.create_task(self._sweep(sweep, leases))
                    renewing = duties.create_task(self._renew(leases))
                    await self._take_hints(leases)
                    sweeping.cancel()
                    renewing.cancel()
            finally:
                await self._hand_back(leases)

    async def _hand_back(self, leases: Leases) -> None:
        """Hand unfinished jobs back, for the next worker on this ledger."""
        for work in self._held.values():
            work.cancel()
        back = [Postponement(each, each.attempts, 0) for each in self._held]
        with suppress(LedgerUnavailable):
            await leases.postpone(back)

    # Which jobs.

    async def _take_hints(self, leases: Leases) -> None:
        while not self._stopping.is_set():
            with suppress(OSError), HintReader(*self._address) as reader:
                while not self._stopping.is_set():
                    for hint in await asyncio.to_thread(reader.next, HINT_SECONDS):
                        await self._take(leases, hint.job_ids)
            await asyncio.sleep(AWAY_SECONDS)

    async def _sweep(self, sweep: Sweep, leases: Leases) -> None:
        while True:
            with suppress(LedgerUnavailable):
                for job_ids in (await sweep.tick()).values():
                    await self._take(leases, job_ids)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _take(self, leases: Leases, job_ids: Sequence[str]) -> None:
        with suppress(LedgerUnavailable):
            for lease in (await leases.claim(job_ids)).leases:
                self._held[lease] = asyncio.create_task(self._work(lease, leases))

    async def _renew(self, leases: Leases) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 4)
            with suppress(LedgerUnavailable):
                lost = await leases.renew(list(self._held)) if self._held else set()
                for lease in [each for each in self._held if each.job_id in lost]:
                    self._held.pop(lease).cancel()

    # What becomes of them.

    async def _work(self, lease: Lease, leases: Leases) -> None:
        outcome = await self._outcome(lease)
        while True:
            try:
                if isinstance(outcome, Finish):
                    await leases.finish([outcome])
                else:
                    await leases.postpone([outcome])
                break
            except LedgerUnavailable:
                await asyncio.sleep(AWAY_SECONDS)
        self._held.pop(lease, None)

    async def _outcome(self, lease: Lease) -> Finish | Postponement:
        job, began = Job.parse(lease.payload), time.monotonic()
        attempts = lease.attempts + 1
        self._asked(job.request)
        try:
            rows = await ranked(job, self._scores(), self._threads)
        except JobFailed as end:
            return _failed(lease, attempts, end)
        except Retryable as error:
            return self._tried(lease, error)
        except Exception as error:
            log.exception("the function that gives scores failed")
            words = f"the function that gives scores raised {type(error).__name__}: see the log"
            return _failed(lease, attempts, JobFailed("internal_error", words))
        result = RerankResult(
            job_id=job.id,
            model=job.request.model,
            results=rows,
            attempts=attempts,
            timings=Timings(
                waited_seconds=lease.waited_seconds, upstream_seconds=time.monotonic() - began
            ),
            metadata=job.metadata,
        )
        return Finish(lease, attempts, JobState.SUCCEEDED, outcomes.success(result.encode()))

    def _tried(self, lease: Lease, error: Retryable) -> Finish | Postponement:
        attempts = lease.attempts + int(error.uses_attempt)
        if attempts >= self._max_attempts:
            message = f"the fake upstream failed after {attempts} attempts"
            end = JobFailed(error.reason, message, status=error.status, attempts=attempts)
            return _failed(lease, attempts, end)
        failure = Failure(error.reason, str(error), error.status)
        return Postponement(lease, attempts, error.delay_seconds, failure)


def _failed(lease: Lease, attempts: int, end: JobFailed) -> Finish:
    return Finish(lease, attempts, JobState.FAILED, outcomes.failure(end), end.reason)
