"""One large batch: handed in, watched, paused, resumed and exported, with its counts checked.

python -m bench.large_batch gateway|client URL JOBS

By the gateway at that URL, or by the client of the ledger at that URL. Prints figures as JSON;
`client_mib` is the most memory that this process ever had.
"""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Protocol

from bench.calling_gateway import GatewayCaller, fields_of_jobs, lines_of_jobs
from rerankq import RerankClient

PAUSE_AT: Final = 0.2
"""The share of its jobs that have ended when the batch is paused."""
PAUSED_SECONDS: Final = 3.0
EVERY_SECONDS: Final = 0.5
_LIVE: Final = ("queued", "running", "scheduled", "held")
_ENDS: Final = ("succeeded", "failed", "cancelled", "expired")


class Face(Protocol):
    """By what the batch is used."""

    def hand_in(self, jobs: int) -> None:
        """Submit all jobs, and say that they are all."""

    def status(self) -> dict[str, Any] | None:
        """How the batch stands; None before it is open."""

    def control(self, word: str) -> None:
        """Pause or resume it."""

    def custom_ids(self) -> Iterator[tuple[int, str]]:
        """Position and custom id of each result, as they are read."""


class ByGateway:
    """Over HTTP."""

    def __init__(self, url: str) -> None:
        self._gateway = GatewayCaller(url)
        self._batch = ""

    def hand_in(self, jobs: int) -> None:
        """Upload all in one body."""
        told = self._gateway.post("/v1/jobs:batch", data=lines_of_jobs(jobs))
        if told["accepted"] != jobs:
            raise ValueError(f"{told['accepted']} of {jobs} jobs were accepted")

    def status(self) -> dict[str, Any] | None:
        """What `/v1/batches` says."""
        if not self._batch:
            listed = self._gateway.get("/v1/batches")["data"]
            self._batch = listed[0]["id"] if listed else ""
        if not self._batch:
            return None
        found: dict[str, Any] = self._gateway.get(f"/v1/batches/{self._batch}")["rerankq"]
        return found

    def control(self, word: str) -> None:
        """By the routes of those names."""
        self._gateway.post(f"/v1/batches/{self._batch}/{word}")

    def custom_ids(self) -> Iterator[tuple[int, str]]:
        """Of the JSONL of results."""
        for line in self._gateway.lines(f"/v1/batches/{self._batch}/results"):
            row = json.loads(line)
            yield row["position"], row["custom_id"]


class ByClient:
    """By the blocking client."""

    def __init__(self, url: str) -> None:
        self._client = RerankClient(url)
        self._batch = self._client.batch()
        self._is_open = threading.Event()

    def hand_in(self, jobs: int) -> None:
        """Add all, as a stream."""
        with self._batch as batch:
            self._is_open.set()
            for _ in batch.add_many(fields_of_jobs(jobs), patience=None):
                pass

    def status(self) -> dict[str, Any] | None:
        """What `status` says."""
        if not self._is_open.is_set():
            return None
        return self._client.batch(self._batch.id).status().model_dump(mode="json")

    def control(self, word: str) -> None:
        """By the methods of those names."""
        batch = self._client.batch(self._batch.id)
        if word == "pause":
            batch.pause()
        else:
            batch.resume()

    def custom_ids(self) -> Iterator[tuple[int, str]]:
        """Of `rows`."""
        for rows in self._client.batch(self._batch.id).rows():
            for row in rows:
                yield row.position, row.custom_id or ""


class Watch:
    """Looks at the batch again and again, and checks each time that its counts are exact."""

    def __init__(self, face: Face, jobs: int, handing_in: Future[float]) -> None:
        self._face = face
        self._jobs = jobs
        self._handing_in = handing_in
        self._before: dict[str, Any] = {}
        self.looks = 0

    def until(self, *conditions: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """How the batch stands when all conditions are true of it."""
        while True:
            if self._handing_in.done():
                self._handing_in.result()  # raises what went wrong
            status = self._face.status()
            if status:
                self._check(status)
                if all(each(status) for each in conditions):
                    return status
            time.sleep(EVERY_SECONDS)

    def lasting(self, seconds: float, name: str) -> None:
        """Check that a count stays as it is."""
        first, until = self._before[name], time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(EVERY_SECONDS)
            now = self.until()[name]
            if now != first:
                raise ValueError(f"{name} went from {first} to {now} while the batch was paused")

    def _check(self, status: dict[str, Any]) -> None:
        counted = sum(status[name] for name in (*_LIVE, *_ENDS)) + status["rejected"]
        if counted != status["total"] or status["total"] > self._jobs:
            raise ValueError(f"counts of {counted} for {status['total']} of {self._jobs} jobs")
        for name in ("total", *_ENDS):
            if status[name] < self._before.get(name, 0):
                raise ValueError(f"{name} went from {self._before[name]} to {status[name]}")
        self._before = status
        self.looks += 1


def run(face: Face, jobs: int) -> dict[str, float]:
    """Use the batch from its beginning to its end.

    Raises:
        ValueError: a count was not exact, or a result is missing.
    """
    began = time.monotonic()

    def hand_in() -> float:
        face.hand_in(jobs)
        return time.monotonic() - began

    handing_in = ThreadPoolExecutor(1).submit(hand_in)
    watch = Watch(face, jobs, handing_in)
    watch.until(lambda status: status["succeeded"] >= PAUSE_AT * jobs)
    asked = time.monotonic()
    face.control("pause")
    watch.until(lambda status: status["running"] == 0)
    paused = time.monotonic() - asked
    watch.lasting(PAUSED_SECONDS, "succeeded")
    asked = time.monotonic()
    face.control("resume")
    resumed = time.monotonic() - asked
    watch.until(lambda status: status["succeeded"] == jobs, lambda status: status["ended_at"])
    whole = time.monotonic() - began
    began = time.monotonic()
    for position, (at, custom_id) in enumerate(face.custom_ids()):
        if (at, custom_id) != (position, f"line {position}"):
            raise ValueError(f"the result at {position} is that of {custom_id} at {at}")
    if position + 1 != jobs:
        raise ValueError(f"{position + 1} results for {jobs} jobs")
    return {
        "submitted_per_s": jobs / handing_in.result(),
        "whole_s": whole,
        "paused_s": paused,
        "resumed_s": resumed,
        "exported_per_s": jobs / (time.monotonic() - began),
        "looks": watch.looks,
        "client_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


FACES: Final[Mapping[str, Callable[[str], Face]]] = {"gateway": ByGateway, "client": ByClient}


if __name__ == "__main__":
    by, url, jobs = sys.argv[1:]
    sys.stdout.write(json.dumps(run(FACES[by](url), int(jobs))) + "\n")
