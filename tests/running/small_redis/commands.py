"""All commands that our scripts and our store send."""

from typing import Final

from running.small_redis import hashes, keys, lists, sorted_sets
from running.small_redis.arguments import Answer, Command
from running.small_redis.keyspace import Keyspace

_TAUGHT: Final[dict[str, Command]] = {
    each.__name__.removeprefix("_").upper(): each
    for each in (*keys.COMMANDS, *hashes.COMMANDS, *sorted_sets.COMMANDS, *lists.COMMANDS)
}


def execute(keyspace: Keyspace, *parts: bytes) -> Answer:
    """Carry out one command.

    Raises:
        ResponseError: Redis would refuse it.
        NotImplementedError: the small Redis does not have this command yet.
    """
    name = parts[0].upper().decode()
    if name not in _TAUGHT:
        raise NotImplementedError(f"the small Redis has no command {name}")
    return _TAUGHT[name](keyspace, *parts[1:])
