"""Submits the jobs of a round from a thread of its own, and outlives what happens to Redis."""

import threading
from collections.abc import Callable, Sequence
from itertools import islice

from chaos.accepted import Accepted
from rerankq import RerankClient
from rerankq.contract import MAX_HINT_JOBS, Job
from rerankq.errors import LedgerUnavailable, RerankqError

PAUSE_SECONDS = 0.1


class Producer:
    """Keeps a backlog of a certain size before the workers until all jobs are accepted.

    Args:
        redis_url: where to submit.
        jobs: what to submit; their ids are fixed, so that a repeat is safe.
        accepted: where those are noted whose submit returned.
        room: whether there is room for more just now.
    """

    def __init__(
        self,
        redis_url: str,
        jobs: Sequence[Job],
        accepted: Accepted,
        room: Callable[[int], bool],
    ) -> None:
        self._redis_url = redis_url
        self._jobs = jobs
        self._accepted = accepted
        self._room = room
        self._given_up = threading.Event()
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-producer")
        self.refusals: list[str] = []
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin to submit."""
        self._thread.start()

    def hurry(self) -> None:
        """Submit on, whatever the backlog: to meet a fault, not to wait behind it."""
        self._hurried.set()

    def finish(self, seconds: float) -> bool:
        """Wait until all jobs are accepted; False when they are not in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive() and self.failure is None

    def stop(self) -> None:
        """Submit no more."""
        self._given_up.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with RerankClient(self._redis_url) as client:
                line = iter(self._jobs)
                while portion := list(islice(line, MAX_HINT_JOBS)):
                    self._wait_for_room()
                    self._submit(client, portion)
        except BaseException as error:  # noqa: BLE001  handed to the thread of the test
            self.failure = error

    def _wait_for_room(self) -> None:
        while not self._stopped_waiting() and not self._room(len(self._accepted)):
            self._given_up.wait(PAUSE_SECONDS)

    def _stopped_waiting(self) -> bool:
        return self._given_up.is_set() or self._hurried.is_set()

    def _submit(self, client: RerankClient, portion: list[Job]) -> None:
        while portion and not self._given_up.is_set():
            taken: list[str] = []
            try:
                for handle in client.submit_many(portion):
                    # One by one: what came before an error was accepted.
                    taken.append(handle.id)  # noqa: PERF401
            except LedgerUnavailable as error:
                # What may or may not be recorded is handed in again, under the same ids.
                self._refused(error)
            self._accepted.add(taken)
            portion = [job for job in portion if job.id not in taken]

    def _refused(self, error: RerankqError) -> None:
        self.refusals.append(str(error))
        self._given_up.wait(PAUSE_SECONDS)
