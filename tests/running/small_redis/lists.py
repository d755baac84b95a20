"""Commands on lists and sets."""

from typing import Final

from running.small_redis.arguments import Answer, Command, whole
from running.small_redis.keyspace import Keyspace, List, Set


def _rpush(keyspace: Keyspace, key: bytes, *values: bytes) -> Answer:
    after = List((*_list(keyspace, key), *values))
    keyspace.put(key, after)
    return len(after)


def _lpush(keyspace: Keyspace, key: bytes, *values: bytes) -> Answer:
    after = List((*values[::-1], *_list(keyspace, key)))
    keyspace.put(key, after)
    return len(after)


def _rpop(keyspace: Keyspace, key: bytes) -> Answer:
    values = _list(keyspace, key)
    keyspace.put(key, List(values[:-1]))
    return values[-1] if values else None


def _llen(keyspace: Keyspace, key: bytes) -> Answer:
    return len(_list(keyspace, key))


def _lindex(keyspace: Keyspace, key: bytes, at: bytes) -> Answer:
    values, number = _list(keyspace, key), whole(at)
    return values[number] if -len(values) <= number < len(values) else None


def _lrange(keyspace: Keyspace, key: bytes, first: bytes, last: bytes) -> Answer:
    return [*_list(keyspace, key)[whole(first) : whole(last) + 1 or None]]


def _sadd(keyspace: Keyspace, key: bytes, *members: bytes) -> Answer:
    before = keyspace.get(key, Set) or Set()
    after = Set(before | {*members})
    keyspace.put(key, after)
    return len(after) - len(before)


def _srem(keyspace: Keyspace, key: bytes, *members: bytes) -> Answer:
    before = keyspace.get(key, Set) or Set()
    after = Set(before - {*members})
    keyspace.put(key, after)
    return len(before) - len(after)


def _smembers(keyspace: Keyspace, key: bytes) -> Answer:
    return sorted(keyspace.get(key, Set) or Set())


def _list(keyspace: Keyspace, key: bytes) -> List:
    return keyspace.get(key, List) or List()


COMMANDS: Final[tuple[Command, ...]] = (
    _rpush,
    _lpush,
    _rpop,
    _llen,
    _lindex,
    _lrange,
    _sadd,
    _srem,
    _smembers,
)
