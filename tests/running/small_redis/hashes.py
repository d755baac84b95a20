"""Commands on hashes."""

from typing import Final

from redis.exceptions import ResponseError

from running.small_redis.arguments import Answer, Command, whole
from running.small_redis.keyspace import Hash, Keyspace


def _hget(keyspace: Keyspace, key: bytes, field: bytes) -> Answer:
    return _hash(keyspace, key).get(field)


def _hmget(keyspace: Keyspace, key: bytes, *fields: bytes) -> Answer:
    return [*map(_hash(keyspace, key).get, fields)]


def _hgetall(keyspace: Keyspace, key: bytes) -> Answer:
    return [part for pair in _hash(keyspace, key).items() for part in pair]


def _hvals(keyspace: Keyspace, key: bytes) -> Answer:
    return [*_hash(keyspace, key).values()]


def _hkeys(keyspace: Keyspace, key: bytes) -> Answer:
    return [*_hash(keyspace, key)]


def _hlen(keyspace: Keyspace, key: bytes) -> Answer:
    return len(_hash(keyspace, key))


def _hexists(keyspace: Keyspace, key: bytes, field: bytes) -> Answer:
    return int(field in _hash(keyspace, key))


def _hset(keyspace: Keyspace, key: bytes, *pairs: bytes) -> Answer:
    before = _hash(keyspace, key)
    after = Hash(before | dict(zip(pairs[::2], pairs[1::2], strict=True)))
    keyspace.put(key, after)
    return len(after) - len(before)


def _hsetnx(keyspace: Keyspace, key: bytes, field: bytes, value: bytes) -> Answer:
    return 0 if field in _hash(keyspace, key) else _hset(keyspace, key, field, value)


def _hdel(keyspace: Keyspace, key: bytes, *fields: bytes) -> Answer:
    before = _hash(keyspace, key)
    after = Hash({field: value for field, value in before.items() if field not in fields})
    keyspace.put(key, after)
    return len(before) - len(after)


def _hincrby(keyspace: Keyspace, key: bytes, field: bytes, by: bytes) -> Answer:
    try:
        total = int(_hash(keyspace, key).get(field, b"0")) + whole(by)
    except ValueError:
        raise ResponseError("ERR hash value is not an integer") from None
    _hset(keyspace, key, field, b"%d" % total)
    return total


def _hash(keyspace: Keyspace, key: bytes) -> Hash:
    return keyspace.get(key, Hash) or Hash()


COMMANDS: Final[tuple[Command, ...]] = (
    _hget,
    _hmget,
    _hgetall,
    _hvals,
    _hkeys,
    _hlen,
    _hexists,
    _hset,
    _hsetnx,
    _hdel,
    _hincrby,
)
