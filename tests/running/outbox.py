"""The outbox as if time had passed."""

from typing import Any

from redis import Redis

from running.keys import KEYS


def make_due(redis: Redis) -> None:
    """As if all delays, rests and leases were over."""
    given: Any = redis
    for kind in ("http", "celery"):
        redis.delete(KEYS.outbox_taken(kind))
        for target in given.zrange(KEYS.outbox(kind), 0, -1):
            redis.zadd(KEYS.outbox(kind), {target: 1})
            if redis.exists(KEYS.webhook(target.decode())):
                redis.hdel(KEYS.webhook(target.decode()), "rests_until", "failures")
            due = KEYS.outbox_due(kind, target.decode())
            # Some may have been due by themselves, and be delivered by now.
            for each in given.zrange(due, 0, -1):
                redis.zadd(due, {each: 1}, xx=True)
