"""Takes hints from the queues without Celery's worker: for a worker inside another program."""

from typing import Any, Final, Self

from kombu import Consumer, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from rerankq.broker.announce import celery_settings
from rerankq.broker.celery_app import IsolatedApp
from rerankq.contract import Hint, Lane
from rerankq.errors import InvalidRequest

QUEUES: Final = [name for lane in Lane for name in (lane.queue, lane.redelivery_queue)]

AWAY: Final = "the broker does not answer"
_UNANSWERED: Final = (OperationalError, RedisError, OSError)


class HintReader:
    """Reads hints of all lanes, within `with`. A hint that was read is acknowledged.

    Args:
        redis_url: the broker.
        namespace: what its keys begin with.
    """

    def __init__(self, redis_url: str, namespace: str) -> None:
        self._app = IsolatedApp(celery_settings(redis_url, namespace))
        self._read: list[Hint] = []
        self._connection: Any = None

    def __enter__(self) -> Self:
        self._connection = self._app.connection_for_read()
        try:
            self._consume()
        except _UNANSWERED as error:
            self.__exit__()
            raise OSError(AWAY) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.release()
        self._app.close()

    def next(self, seconds: float) -> list[Hint]:
        """Wait up to so many seconds for hints; returns at once when there are some.

        Raises:
            OSError: the connection was lost, or could not be made.
        """
        self._read = []
        try:
            self._connection.drain_events(timeout=seconds)
        except TimeoutError:
            return []
        except _UNANSWERED as error:
            raise OSError(AWAY) from error
        return self._read

    def _consume(self) -> None:
        consumer = Consumer(
            self._connection.channel(),
            [Queue(name, no_declare=True) for name in QUEUES],
            no_ack=True,
            auto_declare=False,
            accept=["json"],
            on_message=self._take,
        )
        consumer.consume()

    def _take(self, message: Any) -> None:
        # A message that is no hint is dropped here; a real worker puts it aside.
        try:
            self._read.append(Hint.parse(message.payload[1]))
        except (InvalidRequest, LookupError, TypeError):
            return
