"""Submits the jobs of a round in a thread of its own, and goes on after faults of Redis."""

import threading
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from chaos.accepted import Accepted
from rerankq import RerankClient
from rerankq.contract import MAX_HINT_JOBS, Job
from rerankq.errors import LedgerUnavailable, RerankqError
from rerankq.settings import ClientSettings

PAUSE_SECONDS = 0.1


class Producer:
    """Keeps a backlog of a certain size until all jobs are accepted.

    Args:
        redis_url: where to submit.
        jobs: what to submit; their ids are fixed, so they can safely be submitted again.
        accepted: where accepted jobs are recorded.
        may_submit: given the number of accepted jobs, whether more may be submitted now.

    Attributes:
        settings: of the client; what a row sets before `start` counts.
    """

    def __init__(
        self,
        redis_url: str,
        jobs: Sequence[Job],
        accepted: Accepted,
        may_submit: Callable[[int], bool],
    ) -> None:
        self.settings: dict[str, Any] = {"redis_url": redis_url}
        self._jobs = jobs
        self._accepted = accepted
        self._may_submit = may_submit
        self._given_up = threading.Event()
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-producer")
        self.refusals: list[str] = []
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin to submit."""
        self._thread.start()

    def hurry(self) -> None:
        """From now on submit without regard to the backlog, so that submits meet the fault."""
        self._hurried.set()

    def finish(self, seconds: float) -> bool:
        """Wait until all jobs are accepted; returns whether they are in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive() and self.failure is None

    def stop(self) -> None:
        """Submit no more."""
        self._given_up.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with RerankClient(settings=ClientSettings.load(**self.settings)) as client:
                jobs = iter(self._jobs)
                while portion := list(islice(jobs, MAX_HINT_JOBS)):
                    self._wait_for_workers()
                    self._submit(client, portion)
        except BaseException as error:  # noqa: BLE001  handed to the thread of the test
            self.failure = error

    def _wait_for_workers(self) -> None:
        while not self._stopped_waiting() and not self._may_submit(len(self._accepted)):
            self._given_up.wait(PAUSE_SECONDS)

    def _stopped_waiting(self) -> bool:
        return self._given_up.is_set() or self._hurried.is_set()

    def _submit(self, client: RerankClient, portion: list[Job]) -> None:
        while portion and not self._given_up.is_set():
            taken: list[str] = []
            try:
                for handle in client.submit_many(portion):
                    # One by one: the jobs before an error were accepted.
                    taken.append(handle.id)  # noqa: PERF401
            except LedgerUnavailable as error:
                # These jobs may be recorded or not: they are submitted again under the same ids.
                self._refused(error)
            self._accepted.add(taken)
            portion = [job for job in portion if job.id not in taken]

    def _refused(self, error: RerankqError) -> None:
        self.refusals.append(str(error))
        self._given_up.wait(PAUSE_SECONDS)
