"""A check, and what all checks are told."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rerankq.doctor.finding import Finding
from rerankq.doctor.redis_access import RedisAccess

CHECK_SECONDS: Final = 15.0
NO_REDIS: Final[Mapping[str, str]] = {"redis_url": "redis://localhost", "namespace": ""}
"""Settings for a check that needs no Redis: given to `load`, they hide that its own are wrong."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is examined.

    Attributes:
        environment: the variables of the environment.
        env_file: the file that is read after them, if it exists.
        calls: whether calls may be made that cost something.
        redis: Redis, for all checks together.
    """

    environment: Mapping[str, str]
    env_file: str
    calls: bool
    redis: RedisAccess


Look = Callable[[SetUp], Awaitable[Iterable[Finding]]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question to this installation.

    Attributes:
        name: in words, such as `redis memory`.
        look: answers it. It raises `CannotCheckError` if it cannot, and may take its time: others
            run beside it. What blocks is done in a thread.
        seconds: its time limit.
        cost: what its calls cost, in words, if calls may be made; empty if it makes none.
    """

    name: str
    look: Look
    seconds: float = CHECK_SECONDS
    cost: str = ""


Checks = Callable[[SetUp], Iterable[Check]]
"""What an entry point names: the checks of a package."""
