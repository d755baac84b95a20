"""What a round runs on: its own Redis, upstream, workers and producer, all real."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Self

from chaos.accepted import Accepted
from chaos.aftermath import Aftermath, Silence
from chaos.endings import Endings
from chaos.judge import Judge
from chaos.load import Load
from chaos.numbered import numbered_job
from chaos.producer import Producer
from rerankq import RerankClient
from rerankq.contract import Callback, Job, UsageCounts
from running.redis_server import RedisServer
from running.upstream import Upstream, fingerprint
from running.waiting import eventually
from running.worker import RunningWorker

DRAIN_SECONDS = 10.0
EXIT_SECONDS = 60.0
NEVER = 999
"""Stands for the exit code of a worker that does not end."""


class Stage:
    """Everything that a round needs; it runs inside `with`.

    Args:
        folder: an empty one, for all files.
        load: the size of the round.
        command: the command that starts a worker; the usual one if empty.
        lane: the lane that each worker serves; both if empty.
        marks: marks in the queries of some jobs, by number.
        documents: how many each job has.
        fsync: Redis' `appendfsync`.
        redis_folder: where Redis keeps its data, if not in `folder`.
        redis_address: returns the address by which a worker connects to Redis, if not its own.
        callbacks: who is told of the end of each job.
        settings: settings of the workers.
    """

    def __init__(
        self,
        folder: Path,
        load: Load,
        *,
        command: tuple[str, ...] = (),
        lane: str = "bulk",
        marks: Mapping[int, str] | None = None,
        documents: int = 3,
        fsync: str = "everysec",
        redis_folder: Path | None = None,
        redis_address: Callable[[RedisServer], str] | None = None,
        callbacks: tuple[Callback, ...] | None = None,
        **settings: object,
    ) -> None:
        self.folder = folder
        self.load = load
        self.redis = RedisServer(redis_folder or folder, fsync=fsync)
        self.upstream = Upstream(folder, latency_ms=load.latency_ms)
        self.workers: list[RunningWorker] = []
        self._started: list[RunningWorker] = []
        self.failing: dict[str, str] = {}
        marks = marks or {}
        jobs = [
            numbered_job(number, marks.get(number, ""), documents=documents)
            for number in range(load.jobs)
        ]
        jobs = [job.model_copy(update={"callbacks": callbacks}) for job in jobs]
        self.jobs: dict[str, Job] = {job.id: job for job in jobs}
        self._command = command
        self._lane = lane
        self._redis_address = redis_address
        self._settings = {
            "max_in_flight": load.max_in_flight,
            "drain_seconds": DRAIN_SECONDS,
        } | settings
        self._numbers = count()
        self._open = ExitStack()
        self._accepted = Accepted(folder / "accepted.txt")
        self.producer = Producer(self.redis.url, jobs, self._accepted, self._may_submit)
        self._endings = Endings(self.redis.url)
        self.judge = Judge(self.redis.url, self.jobs)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.callback(self._accepted.close)
            opening.enter_context(self.redis)
            opening.enter_context(self.upstream)
            opening.callback(self._end_workers)
            self._endings.start()
            opening.callback(self._endings.stop)
            opening.callback(self.producer.stop)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def start(self) -> None:
        """Start the workers, then the producer."""
        self.start_workers([{}] * self.load.workers)
        self.producer.start()

    def lead_to(self, redis_url: str) -> None:
        """From now on judge the ledger there."""
        self.judge.redis_url = redis_url
        self._endings.redis_url = redis_url

    def start_workers(self, environments: Sequence[Mapping[str, str]]) -> list[RunningWorker]:
        """Start a worker for each environment, all at once."""
        with ThreadPoolExecutor(len(environments)) as threads:
            started = list(threads.map(self._start_worker, environments))
        self.workers += started
        return started

    def replace(self, ended: RunningWorker) -> RunningWorker:
        """Start a worker to replace one that has ended, as a supervisor would."""
        self.workers.remove(ended)
        return self.start_workers([{}])[0]

    def kill(self, worker: RunningWorker) -> Silence:
        """End a worker by SIGKILL."""
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait(30)
        # It is dead: what it has not written by now it never will.
        return Silence(fingerprint(worker.api_key), time.time())

    def forgive_lost_ends(self, since: float) -> int:
        """Forget ends that were heard since then and that Redis has lost; returns how many.

        Call it as soon as Redis is back: when their leases expire, such jobs run again.
        """
        heard = self._endings.since(since)
        records = self.judge.read(heard)
        lost = [each for each in heard if each in records and not records[each].ended]
        self._endings.forget(lost)
        return len(lost)

    def called(self, count: int, seconds: float = 120.0) -> None:
        """Wait until `count` calls have reached the upstream."""
        eventually(
            lambda: self.upstream.stats()["requests"] >= count,
            f"{count} calls have reached the upstream",
            seconds=seconds,
        )

    def busy(self, count: int, seconds: float = 60.0) -> None:
        """Wait until `count` calls are in flight."""
        eventually(
            lambda: self.upstream.stats()["in_flight"] >= count,
            f"{count} calls are in flight",
            seconds=seconds,
        )

    def settle(self) -> Aftermath:
        """Wait until all jobs have ended, stop the workers, and gather the evidence."""
        patience = self.load.patience
        whole = self.producer.finish(patience)
        self.producer.stop()
        if self.producer.failure:
            raise self.producer.failure
        assert whole, f"not all jobs could be submitted: {self.producer.refusals[-1:]}"
        return self.gather(self._accepted.times())

    def gather(self, accepted: Mapping[str, float]) -> Aftermath:
        """Wait until these jobs have ended, stop the workers, and gather the evidence.

        For rows whose jobs come by another way than the producer.
        """
        self.judge.wait(accepted, self.load.patience)
        # Workers end before the records are read, so that all that they hold is written.
        with ThreadPoolExecutor() as threads:
            exit_codes = list(threads.map(_exit_code, self.workers))
        records = self.judge.read(accepted)
        heard = self._endings.heard()
        return Aftermath(
            verdict=self.judge.verdict(accepted, records, heard, self.failing),
            records=records,
            calls=self.upstream.calls(),
            accepted=accepted,
            exit_codes=exit_codes,
            refusals=self.producer.refusals,
            # Read last, so that a restart at the very end is found too.
            restarts=[worker.restarts() for worker in self._started],
            counted=self._counted(),
        )

    def _counted(self) -> UsageCounts:
        with RerankClient(self.judge.redis_url) as client:
            return client.usage().total

    def _may_submit(self, accepted: int) -> bool:
        requests: Any = self.upstream.stats()["requests"]
        return accepted - int(requests) < self.load.ahead

    def _start_worker(self, environment: Mapping[str, str]) -> RunningWorker:
        worker = RunningWorker(
            self._redis_address(self.redis) if self._redis_address else self.redis.url,
            self.upstream.url,
            self.folder,
            lane=self._lane,
            command=self._command,
            # Each worker has its own key, so that the upstream's log shows whose call it was.
            api_key=f"sk-worker-{next(self._numbers)}",
            environment=environment,
            cwd=None,
            **self._settings,
        )
        # Workers that are replaced are kept too: their logs are evidence.
        self._started.append(worker)
        return worker.__enter__()

    def _end_workers(self) -> None:
        for worker in self.workers:
            worker.__exit__(None, None, None)


def _exit_code(worker: RunningWorker) -> int:
    try:
        return worker.terminate(EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        return NEVER
