"""Listens to the end of every job that Redis publishes: a job that ends twice is heard twice."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from redis import Redis
from redis.exceptions import RedisError

from running.keys import KEYS

TURN_SECONDS = 0.2


class Endings:
    """Listens in a thread of its own between `start` and `stop`.

    It misses what is published while its connection is broken. So it can prove that a job ended
    twice, but only the ledger can tell that a job has ended.

    Args:
        redis_url: where to listen.

    Attributes:
        redis_url: the same; a row whose ledger moves sets it.
    """

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self._heard: dict[str, list[tuple[float, bytes]]] = defaultdict(list)
        self._stopped = threading.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-endings")

    def start(self) -> None:
        """Begin to listen; returns when every later end will be heard."""
        self._thread.start()
        assert self._listening.wait(30)

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._thread.join()

    def heard(self) -> Mapping[str, Sequence[bytes]]:
        """The ends of each job that were heard, by its id."""
        return {job_id: [end for _, end in ends] for job_id, ends in self._heard.items()}

    def since(self, at: float) -> list[str]:
        """The jobs whose ends were heard from that time on, in Unix seconds."""
        return [job_id for job_id, ends in self._heard.items() if ends[-1][0] >= at]

    def forget(self, job_ids: Iterable[str]) -> None:
        """Forget these ends: Redis has lost them, as its fsync setting allows."""
        for job_id in job_ids:
            del self._heard[job_id]

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except (RedisError, OSError):
                # Redis is away: that is a fault of the test.
                self._stopped.wait(TURN_SECONDS)

    def _listen(self) -> None:
        with (
            Redis.from_url(self.redis_url, socket_timeout=60) as client,
            client.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            channel.psubscribe(KEYS.result("*"))
            until = time.monotonic() + TURN_SECONDS
            while time.monotonic() < until:
                channel.get_message(timeout=TURN_SECONDS)
            self._listening.set()
            while not self._stopped.is_set():
                message = channel.get_message(timeout=TURN_SECONDS)
                if message:
                    job_id = KEYS.result.name_of(message["channel"].decode())
                    self._heard[job_id].append((time.time(), message["data"]))
