"""The seam to Celery on the producer's side: hints are published through Celery's own API."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

from kombu import Producer

from rerankq.broker.celery_app import IsolatedApp
from rerankq.broker.names import CONTROL_EXCHANGE, EVENT_EXCHANGE
from rerankq.broker.transport import ADDRESS_OPTION, NAMESPACE_OPTION, OwnTransport
from rerankq.contract import TASK_NAME, Hint, Lane
from rerankq.counting import counted
from rerankq.store.address import RedisAddress

log = logging.getLogger(__name__)

VISIBILITY_SECONDS: Final = 600
PUBLISH_SECONDS: Final = 5.0
REPR_CHARACTERS: Final = 1024
MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of the jobs that one message names: its worker gets all of them in one answer. A
single larger job has a message of its own."""
INTERACTIVE_TOGETHER: Final = 8
"""Most interactive jobs that one message names, when they came at the same moment: they share what
Celery costs. Not more, as all jobs of a message are run by one worker."""
SPREAD: Final = 16
"""Jobs are spread over this many messages first, so that as many workers can begin at once."""


def celery_settings(redis_url: str, namespace: str = "") -> dict[str, Any]:
    """What producers, workers and Flower must agree on."""
    address = RedisAddress.parse(redis_url)
    return {
        # Celery only logs and shows this; the transport connects by the address below.
        "broker_url": address.celery_url,
        "broker_transport": f"{OwnTransport.__module__}:{OwnTransport.__name__}",
        # The ledger writes results, and clients read them there.
        "result_backend": None,
        "control_exchange": CONTROL_EXCHANGE,
        "event_exchange": EVENT_EXCHANGE,
        "event_queue_prefix": EVENT_EXCHANGE,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_default_queue": Lane.BULK.queue,
        "task_ignore_result": True,
        "broker_transport_options": {
            ADDRESS_OPTION: address,
            NAMESPACE_OPTION: namespace,
            "visibility_timeout": VISIBILITY_SECONDS,
            # Celery's default is base64: a third more memory for nothing.
            "body_encoding": "utf-8",
        },
    }


class Announcer:
    """Publishes hints. Thread-safe, and safe to use after a fork."""

    def __init__(self, redis_url: str, namespace: str = "") -> None:
        settings = celery_settings(redis_url, namespace)
        settings["broker_transport_options"] |= {
            # A producer must not hang: only workers have no read timeout.
            "socket_timeout": PUBLISH_SECONDS,
            "socket_connect_timeout": PUBLISH_SECONDS,
        }
        self._app = IsolatedApp(settings)
        self._has_failed = False

    def announce(
        self,
        lane: Lane,
        job_ids: Sequence[str],
        *,
        sizes: Sequence[int] = (),
        again: bool = False,
        interactive_together: int = 1,
        traceparent: str | None = None,
    ) -> bool:
        """Publish messages that name the jobs; False when one could not be published.

        `jobs_per_message` says how many one message names; of interactive jobs, at most
        `interactive_together`. If the sizes of the jobs are given, in bytes or characters, it names
        no more than a worker should claim in one answer.

        Jobs that are announced `again` go to the redelivery queue, which workers serve in turn
        with the first: so they do not wait behind all others a second time.

        `traceparent` is the span of this call, in W3C's form, if there is one.

        A failure loses nothing: the ledger has the jobs, and the reconciler announces those that
        no hint has named.
        """
        queue = lane.redelivery_queue if again else lane.queue
        try:
            with self._app.producer_or_acquire() as producer, ExitStack() as batch:
                size = 1
                if len(job_ids) > 1:
                    size = interactive_together
                    if lane.jobs_per_hint > 1:
                        size = jobs_per_message(lane, len(job_ids), _waiting(producer, queue))
                    if len(job_ids) > size:
                        batch.enter_context(producer.batch())
                for names in portions(job_ids, size, sizes):
                    named = Hint(lane=lane, job_ids=tuple(names), traceparent=traceparent)
                    hint = named.model_dump(mode="json", exclude_none=True)
                    self._app.send_task(
                        TASK_NAME,
                        kwargs=hint,
                        # Celery's own encoder, for any object, takes as long as all the rest.
                        kwargsrepr=repr(hint)[:REPR_CHARACTERS],
                        # The routing key is the queue's name: there is nothing to declare.
                        declare=[],
                        queue=queue,
                        producer=producer,
                        ignore_result=True,
                        retry=False,
                    )
        except Exception as error:  # noqa: BLE001  the job is accepted, whatever becomes of its hint
            log.warning(
                "no hint for %s (%s): the reconciler announces what no hint has named",
                counted(len(job_ids), f"{lane} job"),
                type(error).__name__,
            )
            self._has_failed = True
            return False
        if self._has_failed:
            self._has_failed = False
            log.warning("hints are published again")
        return True

    def close(self) -> None:
        """Give the broker connections back."""
        self._app.close()


def jobs_per_message(lane: Lane, jobs: int, waiting: int) -> int:
    """How many of the jobs to announce one message names.

    When many messages wait, every worker has work, and full messages cost the least. When few do,
    workers may be idle: the jobs are spread, so that one worker does not get a whole small batch.

    Args:
        lane: the jobs' lane.
        jobs: how many there are.
        waiting: messages in the lane's queue that no worker has taken.
    """
    if waiting >= SPREAD:
        return lane.jobs_per_hint
    return min(lane.jobs_per_hint, math.ceil(jobs / SPREAD))


def _waiting(producer: Producer, queue: str) -> int:
    # kombu's own method asks for each of four priorities, of which hints use one.
    channel: Any = producer.channel
    return int(channel.client.llen(channel.keys.queue(queue)))


def portions(job_ids: Sequence[str], most: int, sizes: Sequence[int]) -> Iterator[Sequence[str]]:
    """The jobs that each message names, in their order.

    Args:
        job_ids: all of them.
        most: how many one message names at most.
        sizes: of the jobs; empty when all are small.
    """
    start = total = 0
    for at, size in enumerate(sizes or [0] * len(job_ids)):
        if at > start and (at - start == most or total + size > MESSAGE_BYTES):
            yield job_ids[start:at]
            start, total = at, 0
        total += size
    yield job_ids[start:]
