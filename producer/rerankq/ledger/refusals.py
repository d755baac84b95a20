"""The errors of the redis library, mapped to ours: what happened, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import exceptions

from rerankq.errors import LedgerRefusal, LedgerUnavailable

_OUT_OF_MEMORY: Final = "is out of memory, nothing was recorded: free some, retry"

_WORDS: Final = (
    ("OOM ", _OUT_OF_MEMORY),
    ("MISCONF", "cannot write to its disk, nothing was recorded: free some room there, retry"),
)

_PASSING: Final = (
    exceptions.AuthenticationError,
    exceptions.NoPermissionError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.BusyLoadingError,
)

_UNANSWERED: Final = (exceptions.TimeoutError, exceptions.ConnectionError, OSError)

_EXPLANATIONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    # From the particular to the general: the first that fits says it best.
    (exceptions.AuthenticationError, "refuses user or password: correct RERANKQ_REDIS_URL"),
    (exceptions.NoPermissionError, "forbids this user a command: correct its ACL"),
    (exceptions.OutOfMemoryError, _OUT_OF_MEMORY),
    (exceptions.InvalidResponse, "is no Redis: correct RERANKQ_REDIS_URL"),
    (exceptions.ReadOnlyError, "is a read-only replica: point RERANKQ_REDIS_URL at a primary"),
    (exceptions.BusyLoadingError, "is still loading its data: retry in a moment"),
    (exceptions.TimeoutError, "does not answer in time: look at its load, then retry"),
    (exceptions.ConnectionError, "cannot be reached: start it, or set RERANKQ_REDIS_URL"),
    (OSError, "cannot be reached: start it, or set RERANKQ_REDIS_URL"),
    (exceptions.RedisError, "refuses a command: see its log"),
)
_WRONG_TYPE: Final = "WRONGTYPE"


@contextmanager
def mapped(address: str) -> Iterator[None]:
    """Map the errors of the redis library that arise inside.

    Raises:
        LedgerUnavailable: Redis cannot be reached, or refuses.
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise refusal(address, error) from error


def refusal(address: str, error: Exception) -> LedgerUnavailable:
    """What an error of the redis library means."""
    # Without an answer nobody knows whether it was done; a refusal in Redis' own words says no.
    uncertain = isinstance(error, _UNANSWERED) and not isinstance(error, _PASSING)
    lasting = isinstance(error, exceptions.ResponseError | exceptions.DataError)
    passing = isinstance(error, _PASSING) or any(word in str(error) for word, _ in _WORDS)
    kind = LedgerRefusal if lasting and not passing else LedgerUnavailable
    return kind(_explanation(address, error), uncertain=uncertain)


def _explanation(address: str, error: Exception) -> str:
    # By Redis' own word first: inside a script, every refusal arrives as the script's failure.
    said = str(error)
    explanation = next((text for word, text in _WORDS if word in said), None) or next(
        text for kind, text in _EXPLANATIONS if isinstance(error, kind)
    )
    return f"Redis at {address} {explanation}"


def reading(answer: Any) -> Any:
    """The answer to a command of many that read; None where the key holds another type.

    Raises:
        RedisError: any other refusal.
    """
    if not isinstance(answer, Exception):
        return answer
    if str(answer).startswith(_WRONG_TYPE):
        return None
    raise answer
