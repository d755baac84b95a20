"""The rights that each part of rerankq needs in Redis, and which of them this user lacks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok
from rerankq.store.rights import Command, Forbidden, forbidden
from rerankq.store.write_concern import Durability

_BOTH: Final = (
    "client|setname del eval evalsha exec exists expire get hdel hget hgetall hincrby hlen hmget "
    "hset hvals lindex llen lpush lrange ltrim mget mset multi pexpire pexpireat persist ping pttl "
    "publish rename rpush sadd script|exists script|load select set setrange smembers srem "
    "strlen subscribe time ttl type unlink unsubscribe zadd zcard zcount zmscore zrange "
    "zrangebyscore zrem zremrangebyscore zrevrange zrevrangebyscore zscore"
)


@dataclass(frozen=True, slots=True)
class Role:
    """A part of rerankq, and what it needs.

    Attributes:
        commands: as in the lines of `docs/redis.md`.
        keys: an example of each pattern of keys.
        channels: an example of each pattern of channels, for database 0.
    """

    name: str
    commands: frozenset[str]
    keys: tuple[str, ...]
    channels: tuple[str, ...]


_BEHIND: Final = "rerankq:doctor", "celery-task-meta-doctor"
_PIDBOX: Final = "/0.rerankq.pidbox", "/0.rerankq.events/worker"
PRODUCER: Final = Role(
    *("a producer", frozenset({*_BOTH.split(), "msetnx"})),
    keys=_BEHIND,
    channels=("celery-task-meta-doctor",),
)
WORKER: Final = Role(
    "a worker",
    frozenset(
        {
            *_BOTH.split(),
            *("brpop", "info", "psubscribe", "pubsub|numpat", "pubsub|numsub", "punsubscribe"),
            *("unwatch", "watch"),
        }
    ),
    keys=(*_BEHIND, "doctor.rerankq.pidbox"),
    channels=("celery-task-meta-doctor", *_PIDBOX),
)
_OF_FLOWER: Final = (
    "brpop client|setname del eval evalsha exec exists get hdel hget hset llen lpush mget multi "
    "pexpire ping psubscribe publish punsubscribe sadd script|exists script|load select set "
    "smembers srem time unwatch watch zadd zrange zrangebyscore zrem"
)
FLOWER: Final = Role(
    *("Flower", frozenset(_OF_FLOWER.split())),
    keys=("rerankq.doctor", "rerankq:job:doctor", "doctor.rerankq.pidbox"),
    channels=_PIDBOX,
)
WAITS: Final = {Durability.REPLICA: frozenset({"wait"})}
"""What `RERANKQ_DURABILITY` needs in addition. What `disk` needs depends on the server: its own
check says it."""
_KEY: Final = "{key}"
_CHANNEL: Final = "{channel}"
_NO_DIGEST: Final = "0" * 40
_SHAPES: Final[dict[tuple[str, ...], str]] = {
    (): "exec multi ping time unwatch pubsub|numpat pubsub|numsub",
    (_KEY,): "del exists get hgetall hlen hvals llen mget persist pttl smembers strlen ttl type "
    "unlink watch zcard",
    (_KEY, "1"): "brpop expire hdel hget hmget lindex lpush mset msetnx pexpire pexpireat rpush "
    "sadd set srem zmscore zrem zscore",
    (_KEY, "1", "1"): "hincrby hset lrange ltrim setrange zadd zcount zrange zrangebyscore "
    "zremrangebyscore zrevrange zrevrangebyscore",
    (_KEY, _KEY): "rename",
    (_CHANNEL,): "psubscribe punsubscribe subscribe unsubscribe",
    (_CHANNEL, "1"): "publish",
    ("return 1", "0"): "eval",
    (_NO_DIGEST, "0"): "evalsha",
    (_NO_DIGEST,): "script|exists",
    ("return 1",): "script|load",
    ("0",): "select",
    ("memory",): "info",
    ("rerankq",): "client|setname",
    ("1", "0"): "wait",
}
ARGUMENTS: Final = {
    command: arguments for arguments, commands in _SHAPES.items() for command in commands.split()
}
"""What each command is sent with: as many arguments as it takes. It is never carried out."""


async def look(set_up: SetUp) -> list[Finding]:
    """Which commands, keys and channels this user may not use, for each role."""
    store, database = await set_up.redis.store(), set_up.redis.address.database
    missing = {}
    for role in (*_waiting(set_up), FLOWER):
        asked = list(_questions(role, store.keys.prefix, database))
        answers = await forbidden(store, [command for _, command, _ in asked])
        missing[role.name] = [
            right for (right, _, kind), answer in zip(asked, answers, strict=True) if answer is kind
        ]
    return _findings(missing)


def _waiting(set_up: SetUp) -> list[Role]:
    """Who makes promises, with the command that waits for them, if they must be waited for."""
    command = WAITS.get(set_up.redis.settings().durability, frozenset())
    return [replace(role, commands=role.commands | command) for role in (PRODUCER, WORKER)]


def _questions(role: Role, prefix: str, database: int) -> Iterator[tuple[str, Command, Forbidden]]:
    """Each right as it is written in an ACL, a command that needs it, and how it is refused."""
    key = f"{prefix}{role.keys[0]}"
    channel = _channel(role.channels[0], prefix, database)
    for command in sorted(role.commands):
        arguments = (each.format(key=key, channel=channel) for each in ARGUMENTS[command])
        yield f"+{command}", (*command.upper().split("|"), *arguments), Forbidden.COMMAND
    for name in role.keys:
        yield f"~{prefix}{name}", ("SET", f"{prefix}{name}", "1"), Forbidden.PLACE
    for name in role.channels:
        shown = _channel(name, prefix, database)
        yield f"&{shown}", ("PUBLISH", shown, "1"), Forbidden.PLACE


def _channel(name: str, prefix: str, database: int) -> str:
    return prefix + name.replace("/0.", f"/{database}.", 1)


def _findings(missing: dict[str, list[str]]) -> list[Finding]:
    advice = "add these rights to its ACL: docs/redis.md lists them for each part"
    able = [name for name, lacks in missing.items() if not lacks]
    if not able:
        name = min(missing, key=lambda each: len(missing[each]))
        what = f"this user lacks rights, for {name}: {', '.join(missing[name])}"
        return [fault("redis_rights_missing", what, advice)]
    found = [ok("redis_rights", f"this user has the rights of {', '.join(able)}")]
    return found + [
        note(
            "redis_rights_of_a_part",
            f"{name} could not use this user, which lacks {', '.join(lacks)}",
            advice,
        )
        for name, lacks in missing.items()
        if lacks
    ]
