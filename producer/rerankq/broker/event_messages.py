"""Messages that carry Celery's events, as Celery's own EventDispatcher publishes them.

Source of the format: kombu's virtual transport over Redis' channels. Many events of one group (here
`task`) go in one message, whose body is a list (Celery 4.0 and newer).
"""

import os
from typing import Final

import orjson

from rerankq.broker.names import EVENT_EXCHANGE
from rerankq.store.keys import Keys

ROUTING_KEY: Final = "task.multi"
_TRANSIENT: Final = 1


class EventMessages:
    """The messages of one Celery node.

    Args:
        keys: of the namespace.
        database: number of the Redis database; kombu makes it part of the channel's name.
        node: the node's name.

    Attributes:
        channel: where they are published; Flower and `celery events` listen there.
    """

    def __init__(self, keys: Keys, database: int, node: str) -> None:
        self.channel = f"{keys.prefix}/{database}.{EVENT_EXCHANGE}/{ROUTING_KEY}"
        self._node = node

    def message(self, events: bytes) -> bytes:
        """The message for a list of events in JSON."""
        return orjson.dumps(
            {
                "body": events.decode(),
                "content-encoding": "utf-8",
                "content-type": "application/json",
                "headers": {"hostname": self._node},
                "properties": {
                    "delivery_mode": _TRANSIENT,
                    "delivery_info": {"exchange": EVENT_EXCHANGE, "routing_key": ROUTING_KEY},
                    "priority": 0,
                    "body_encoding": "utf-8",
                    "delivery_tag": os.urandom(16).hex(),
                },
            }
        )
