"""Commands on keys of any type, on strings, and without a key."""

from typing import Final

from running.small_redis.arguments import Answer, Command, whole
from running.small_redis.keyspace import Keyspace, Text


def _time(keyspace: Keyspace) -> Answer:
    seconds, ms = divmod(keyspace.now_ms, 1000)
    return [b"%d" % seconds, b"%d" % (ms * 1000)]


def _type(keyspace: Keyspace, key: bytes) -> Answer:
    return keyspace.kind(key)


def _exists(keyspace: Keyspace, *keys: bytes) -> Answer:
    return sum(map(keyspace.has, keys))


def _del(keyspace: Keyspace, *keys: bytes) -> Answer:
    return sum(map(keyspace.delete, keys))


def _rename(keyspace: Keyspace, key: bytes, new: bytes) -> Answer:
    keyspace.rename(key, new)
    return "OK"


def _pttl(keyspace: Keyspace, key: bytes) -> Answer:
    if not keyspace.has(key):
        return -2
    end = keyspace.end(key)
    return -1 if end is None else end - keyspace.now_ms


def _pexpire(keyspace: Keyspace, key: bytes, ms: bytes, *options: bytes) -> Answer:
    return _pexpireat(keyspace, key, b"%d" % (keyspace.now_ms + whole(ms)), *options)


def _expire(keyspace: Keyspace, key: bytes, seconds: bytes, *options: bytes) -> Answer:
    return _pexpire(keyspace, key, b"%d" % (whole(seconds) * 1000), *options)


def _pexpireat(keyspace: Keyspace, key: bytes, at_ms: bytes) -> Answer:
    return int(keyspace.end_at(key, whole(at_ms)))


def _persist(keyspace: Keyspace, key: bytes) -> Answer:
    had_end = keyspace.end(key) is not None
    keyspace.end_at(key, None)
    return int(had_end)


def _get(keyspace: Keyspace, key: bytes) -> Answer:
    value = keyspace.get(key, Text)
    return value if value is None else bytes(value)


def _set(keyspace: Keyspace, key: bytes, value: bytes, *options: bytes) -> Answer:
    rest = [option.upper() for option in options]
    if (b"NX" in rest and keyspace.has(key)) or (b"XX" in rest and not keyspace.has(key)):
        return None
    end = keyspace.end(key) if b"KEEPTTL" in rest else None
    units = ((b"PX", 1, keyspace.now_ms), (b"EX", 1000, keyspace.now_ms), (b"PXAT", 1, 0))
    for unit, factor, since in units:
        if unit in rest:
            end = since + factor * whole(options[rest.index(unit) + 1])
    keyspace.put(key, Text(value))
    keyspace.end_at(key, end)
    return "OK"


def _setrange(keyspace: Keyspace, key: bytes, at: bytes, piece: bytes) -> Answer:
    first, value = whole(at), keyspace.get(key, Text) or b""
    after = value.ljust(first, b"\0")[:first] + piece + value[first + len(piece) :]
    keyspace.put(key, Text(after))
    return len(after)


def _mget(keyspace: Keyspace, *keys: bytes) -> Answer:
    # A key of another type counts as missing.
    return [_get(keyspace, key) if keyspace.kind(key) == "string" else None for key in keys]


def _mset(keyspace: Keyspace, *pairs: bytes) -> Answer:
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        _set(keyspace, key, value)
    return "OK"


def _msetnx(keyspace: Keyspace, *pairs: bytes) -> Answer:
    if any(map(keyspace.has, pairs[::2])):
        return 0
    _mset(keyspace, *pairs)
    return 1


def _incrby(keyspace: Keyspace, key: bytes, by: bytes) -> Answer:
    total = whole(keyspace.get(key, Text) or b"0") + whole(by)
    keyspace.put(key, Text(b"%d" % total))
    return total


def _incr(keyspace: Keyspace, key: bytes) -> Answer:
    return _incrby(keyspace, key, b"1")


def _publish(_keyspace: Keyspace, _channel: bytes, _message: bytes) -> Answer:
    return 0  # nobody listens


def _pubsub(_keyspace: Keyspace, kind: bytes, *channels: bytes) -> Answer:
    if kind.upper() == b"NUMPAT":
        return 0
    return [part for channel in channels for part in (channel, 0)]


def _info(_keyspace: Keyspace, *_sections: bytes) -> Answer:
    return b"# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"


COMMANDS: Final[tuple[Command, ...]] = (
    _time,
    _type,
    _exists,
    _del,
    _rename,
    _pttl,
    _pexpire,
    _expire,
    _pexpireat,
    _persist,
    _get,
    _set,
    _setrange,
    _mget,
    _mset,
    _msetnx,
    _incrby,
    _incr,
    _publish,
    _pubsub,
    _info,
)
