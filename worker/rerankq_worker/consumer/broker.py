"""kombu's Redis transport with a filter: poisoned messages are put aside before Celery sees them.

The filter is in the Redis client with which kombu reads its queues. To kombu a poisoned message
looks like a poll that found nothing, so the consumer simply goes on.

The classes here also keep a worker consuming after its connections were cut.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import current_app
from kombu.transport.redis import QoS
from redis import Redis
from redis.exceptions import RedisError

from rerankq.broker.misdirected import answer
from rerankq.broker.quarantine import put_aside
from rerankq.broker.transport import OwnChannel, OwnRedis, OwnTransport
from rerankq.events import Events, MessagePutAside
from rerankq_worker.consumer.envelope import fault_in, waiting_for

log = logging.getLogger(__name__)


class GatedRedis(OwnRedis):
    """A Redis client whose blocking pops return only hints."""

    def __init__(self, *arguments: Any, events: Events, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._events = events

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """The reply to a command; None for a BRPOP that brought a poisoned message."""
        reply = super().parse_response(connection, command_name, **options)
        if command_name != "BRPOP" or not reply:
            return reply
        queue, message = reply
        fault = fault_in(message)
        if fault is None:
            return reply
        self._events.tell(MessagePutAside(queue=queue.decode(), fault=fault, size=len(message)))
        self._put_aside(queue.decode(), fault, message)
        if sender := waiting_for(message):
            self._tell(sender)
        return None

    def _tell(self, sender: str) -> None:
        # If a job has this id, only the ledger may write its outcome.
        other = Redis(connection_pool=self.connection_pool)
        try:
            if other.exists(self.ledger_keys.job(sender)):
                return
            for command in answer(self.ledger_keys, sender):
                other.execute_command(*command)  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("its sender could not be told (%s)", type(error).__name__)

    def _put_aside(self, queue: str, fault: str, message: bytes) -> None:
        # Not on this client's connection: kombu is in the middle of a poll there.
        other = Redis(connection_pool=self.connection_pool)
        try:
            other.execute_command(
                *put_aside(queue, fault, message, namespace=self.ledger_keys.namespace)
            )  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("it could not be kept for inspection (%s)", type(error).__name__)


class LenientQoS(QoS):
    """Counts a message as done even if the acknowledgement did not reach Redis.

    Otherwise kombu 5.7 would count it against the prefetch limit for ever: after a few cut
    connections a worker would consume nothing. Redis delivers the message again after the
    visibility timeout; a hint that comes twice does no harm.
    """

    _quick_ack: Callable[[str], None]

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message."""
        try:
            super().ack(delivery_tag)
        except RedisError as error:
            log.info("a message could not be acknowledged (%s)", type(error).__name__)
            self._quick_ack(delivery_tag)


class GatedChannel(OwnChannel):
    """A channel that reads through the filter, and survives the loss of its connection."""

    QoS = LenientQoS
    do_restore: bool

    def __init__(self, connection: Any, **options: Any) -> None:
        # Not a transport option: `inspect stats` answers with these, as JSON.
        self._events: Events = getattr(current_app, "rerankq_events", None) or Events()
        super().__init__(connection, **options)

    def close(self) -> None:
        """Close; unacknowledged messages go back to their queue, unless the connection is gone.

        kombu 5.7 tries that even without a connection, and the error ends the worker. Hints need
        not go back: the jobs that they name are announced again.
        """
        if self._is_cut_off():
            self.do_restore = False
        super().close()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: FBT001, FBT002  kombu's signature
        """Acknowledge a message; nothing to do when its connection is gone (see `close`)."""
        if not self._is_cut_off():
            super().basic_ack(delivery_tag, multiple)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  kombu's signature
        """Reject a message; nothing to do when its connection is gone (see `close`)."""
        if not self._is_cut_off():
            super().basic_reject(delivery_tag, requeue)

    def _is_cut_off(self) -> bool:
        return getattr(self.connection, "client", None) is None

    def _get_client(self) -> Callable[..., Redis]:
        return partial(GatedRedis, keys=self.keys, events=self._events)


class GatedTransport(OwnTransport):
    """Set as Celery's `broker_transport`."""

    Channel = GatedChannel
