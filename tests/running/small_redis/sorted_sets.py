"""Commands on sorted sets."""

from collections.abc import Sequence
from typing import Final

from running.small_redis.arguments import Answer, Command, number, shown, whole
from running.small_redis.keyspace import Keyspace, SortedSet


def _zadd(keyspace: Keyspace, key: bytes, *parts: bytes) -> Answer:
    options = {part.upper() for part in parts[:2]} & {b"NX", b"XX"}
    parts = parts[len(options) :]
    before = _sorted_set(keyspace, key)
    after = SortedSet(before)
    for score, member in zip(parts[::2], parts[1::2], strict=True):
        if not options or (member in before) == (options == {b"XX"}):
            after[member] = number(score)
    keyspace.put(key, after)
    return len(after) - len(before)


def _zincrby(keyspace: Keyspace, key: bytes, by: bytes, member: bytes) -> Answer:
    score = _sorted_set(keyspace, key).get(member, 0.0) + number(by)
    _zadd(keyspace, key, shown(score), member)
    return shown(score)


def _zrem(keyspace: Keyspace, key: bytes, *members: bytes) -> Answer:
    before = _sorted_set(keyspace, key)
    after = SortedSet({each: score for each, score in before.items() if each not in members})
    keyspace.put(key, after)
    return len(before) - len(after)


def _zcard(keyspace: Keyspace, key: bytes) -> Answer:
    return len(_sorted_set(keyspace, key))


def _zscore(keyspace: Keyspace, key: bytes, member: bytes) -> Answer:
    score = _sorted_set(keyspace, key).get(member)
    return None if score is None else shown(score)


def _zmscore(keyspace: Keyspace, key: bytes, *members: bytes) -> Answer:
    return [_zscore(keyspace, key, member) for member in members]


def _zcount(keyspace: Keyspace, key: bytes, least: bytes, most: bytes) -> Answer:
    return len(_between(_in_order(keyspace, key), least, most))


def _zrange(keyspace: Keyspace, key: bytes, first: bytes, last: bytes, *options: bytes) -> Answer:
    members, end = _in_order(keyspace, key), whole(last)
    return _listed(members[whole(first) : end + 1 or None], options)


def _zrangebyscore(
    keyspace: Keyspace, key: bytes, least: bytes, most: bytes, *options: bytes
) -> Answer:
    found = _between(_in_order(keyspace, key), least, most)
    rest = [option.upper() for option in options]
    if b"LIMIT" in rest:
        at = rest.index(b"LIMIT")
        offset, count = whole(options[at + 1]), whole(options[at + 2])
        found = found[offset:] if count < 0 else found[offset : offset + count]
    return _listed(found, rest)


def _zrevrangebyscore(
    keyspace: Keyspace, key: bytes, most: bytes, least: bytes, *options: bytes
) -> Answer:
    if options:
        raise NotImplementedError("the small Redis knows no options of ZREVRANGEBYSCORE")
    return _listed(_between(_in_order(keyspace, key), least, most)[::-1], options)


def _zremrangebyscore(keyspace: Keyspace, key: bytes, least: bytes, most: bytes) -> Answer:
    found = _between(_in_order(keyspace, key), least, most)
    return _zrem(keyspace, key, *(member for member, _ in found))


def _sorted_set(keyspace: Keyspace, key: bytes) -> SortedSet:
    return keyspace.get(key, SortedSet) or SortedSet()


def _in_order(keyspace: Keyspace, key: bytes) -> list[tuple[bytes, float]]:
    found = _sorted_set(keyspace, key).items()
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def _between(
    pairs: Sequence[tuple[bytes, float]], least: bytes, most: bytes
) -> list[tuple[bytes, float]]:
    low, high = number(least.removeprefix(b"(")), number(most.removeprefix(b"("))
    found = [pair for pair in pairs if low <= pair[1] <= high]
    if least.startswith(b"("):
        found = [pair for pair in found if pair[1] != low]
    if most.startswith(b"("):
        found = [pair for pair in found if pair[1] != high]
    return found


def _listed(pairs: Sequence[tuple[bytes, float]], options: Sequence[bytes]) -> list[bytes]:
    if b"WITHSCORES" in (option.upper() for option in options):
        return [part for member, score in pairs for part in (member, shown(score))]
    return [member for member, _ in pairs]


COMMANDS: Final[tuple[Command, ...]] = (
    _zadd,
    _zincrby,
    _zrem,
    _zcard,
    _zscore,
    _zmscore,
    _zcount,
    _zrange,
    _zrangebyscore,
    _zrevrangebyscore,
    _zremrangebyscore,
)
