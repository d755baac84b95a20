"""The errors of the redis library, mapped to ours: what happened, and what to do."""

import re
from typing import Any, Final

from redis import exceptions

from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.store.connecting import (
    NOTHING_SENT,
    is_tls_fault,
    why_no_connection,
    why_not_told,
)

_CLUSTER: Final = (
    "is a Redis Cluster, which rerankq's scripts do not support: "
    "point RERANKQ_REDIS_URL at a single Redis"
)
_NO_LOGIN: Final = "wants a password: write it into RERANKQ_REDIS_URL, as redis://:password@host"
_SET_UP: Final[tuple[tuple[str, type[Exception] | None, str], ...]] = (
    ("NOAUTH", None, _NO_LOGIN),
    ("Authentication required", None, _NO_LOGIN),
    (
        "WRONGPASS",
        exceptions.AuthenticationError,
        "refuses user or password: correct RERANKQ_REDIS_URL",
    ),
    (
        "ACL failure",
        exceptions.NoPermissionError,
        "forbids this user a command: correct its ACL",
    ),
    (
        # The same inside a script, in the words of Redis before 7.2: they have no code.
        "The user executing the script",
        None,
        "forbids this user a command, a key or a channel that a script needs: correct its ACL",
    ),
    (
        "protected mode",
        None,
        "is in protected mode and serves only its own machine: give it a password (requirepass)",
    ),
    (
        "DB index is out of range",
        None,
        "has no database of that number: correct RERANKQ_REDIS_URL, or raise its setting databases",
    ),
    (
        "CLUSTERDOWN",
        exceptions.ClusterDownError,
        "is a Redis Cluster that is down: point RERANKQ_REDIS_URL at a single Redis",
    ),
    ("SELECT is not allowed in cluster mode", None, _CLUSTER),
    ("in a cluster node", None, _CLUSTER),
    ("while the cluster is down", None, _CLUSTER),
    ("CROSSSLOT", None, _CLUSTER),
    ("MOVED ", exceptions.MovedError, _CLUSTER),
)
"""Refusals that last until somebody changes the address or the server."""

_PASSING: Final[tuple[tuple[str, type[Exception] | None, str], ...]] = (
    # Redis' error code, the library's class if it has one, and our message. The code, because a
    # refusal inside a script arrives as the script's failure; the class, because the library may
    # have cut the code off.
    (
        "OOM ",
        exceptions.OutOfMemoryError,
        "is out of memory, nothing was recorded: free some, retry",
    ),
    (
        "MISCONF",
        None,
        "cannot write to its disk, nothing was recorded: free some space there, retry",
    ),
    (
        "NOREPLICAS",
        None,
        "has too few replicas, nothing was recorded: add some, or lower min-replicas-to-write",
    ),
    ("BUSY ", None, "is held up by a script: wait for its end, or end it by SCRIPT KILL"),
    ("Script killed", None, "was told to kill a script: retry"),
    (
        "MASTERDOWN",
        exceptions.MasterDownError,
        "is a replica without its primary: point RERANKQ_REDIS_URL at a primary",
    ),
    (
        "READONLY",
        exceptions.ReadOnlyError,
        "is a read-only replica: point RERANKQ_REDIS_URL at a primary",
    ),
    (
        "max number of clients",
        None,
        "takes no more connections: raise its maxclients, or end some clients",
    ),
    ("LOADING", exceptions.BusyLoadingError, "is still loading its data: retry in a moment"),
)
"""Refusals that pass, by themselves or when somebody repairs the cause: a retry can succeed."""

_WRONG_TYPE: Final = "WRONGTYPE"
_LASTING: Final = (
    _WRONG_TYPE,
    # A script's own failure, in the words of Redis 7 and of older versions.
    "user_script",
    "Error running script",
    "Error compiling script",
    "wrong number of arg",
    "unknown command",
    "syntax error",
    "is not an integer",
    "is not a valid float",
)
"""Refusals that a retry meets again. An unknown one counts as passing: to throw away a result that
was paid for would be the worse mistake."""

_NOTHING_RECORDED: Final = ", nothing was recorded"
"""Left out when an earlier try had no answer, because Redis may have recorded that one."""

_UNANSWERED: Final = (exceptions.TimeoutError, exceptions.ConnectionError, OSError)

_EXPLANATIONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    # From the particular to the general: the first that fits is used.
    (exceptions.InvalidResponse, "is not a Redis: correct RERANKQ_REDIS_URL"),
    (exceptions.TimeoutError, "does not answer in time: look at its load, then retry"),
    (exceptions.ConnectionError, "cannot be reached: start it, or set RERANKQ_REDIS_URL"),
    (OSError, "cannot be reached: start it, or set RERANKQ_REDIS_URL"),
)
_QUOTED: Final = " caused error: "
_FOR_GOOD: Final = "a key holds a wrong type or value, or this server lacks the command"
_ABOUT_KEY: Final = "about the key "
_FORBIDDEN: Final = re.compile(r"no permissions to run the '([a-z|]+)' command")
_CODE: Final = re.compile(r"[A-Z]+(?= )")


class NotConfirmedError(exceptions.RedisError):
    """Redis has carried out a call, but it does not survive what it must survive.

    Args:
        said: why, and what to do, to follow the address.
        lasting: whether it lasts until somebody changes the server's set-up.
    """

    def __init__(self, said: str, *, lasting: bool = False) -> None:
        super().__init__(said)
        self.lasting = lasting


def refusal(address: str, error: Exception, *, uncertain: bool = False) -> LedgerUnavailable:
    """An error of the redis library as ours.

    Args:
        address: for the message.
        error: the error of the last try.
        uncertain: whether an earlier try had no answer, and may have been carried out.
    """
    if isinstance(error, NotConfirmedError):
        told = f"Redis at {address} {error}"
        return LedgerUnavailable(told, uncertain=True, lasting=error.lasting)
    said = _said(error)
    passing = _passing(error, said)
    uncertain = uncertain or is_unanswered(error)
    if passing is None and _is_lasting(error, said):
        told = f"Redis at {address} {_refused(said)}: {_why_for_good(error, said)}"
        return LedgerRefusal(told, uncertain=uncertain)
    explanation = passing or _explanation(error) or f"{_refused(said)}: see its log"
    if uncertain:
        explanation = explanation.replace(_NOTHING_RECORDED, "")
    return LedgerUnavailable(
        f"Redis at {address} {explanation}",
        uncertain=uncertain,
        lasting=_is_of_the_set_up(error, said),
    )


def name_key(error: Exception, key: object) -> None:
    """Note on an error which key its command was about."""
    error.add_note(f"{_ABOUT_KEY}{key}")


def _why_for_good(error: Exception, said: str) -> str:
    notes = getattr(error, "__notes__", ())
    keys = [each.removeprefix(_ABOUT_KEY) for each in notes if each.startswith(_ABOUT_KEY)]
    if _WRONG_TYPE not in said or not keys:
        return _FOR_GOOD
    return (
        f"the key {keys[0]} holds something of another type: see who else writes to this Redis, "
        "and rename or delete it"
    )


def is_unanswered(error: Exception) -> bool:
    """Whether it is unknown if the call was carried out.

    It was not if Redis refused it, or if it was never sent.
    """
    if NOTHING_SENT in getattr(error, "__notes__", ()):
        return False
    return isinstance(error, _UNANSWERED) and _passing(error, _said(error)) is None


def is_from_replica(error: Exception) -> bool:
    """Whether a replica refused the call: on this connection it always will."""
    return isinstance(error, exceptions.ReadOnlyError) or "READONLY" in _said(error)


def _said(error: Exception) -> str:
    """Redis' own message: without the command that the library quotes before it in a pipeline."""
    words = str(error).rpartition(_QUOTED)[2].lstrip("('\"")
    code = getattr(error, "status_code", None)
    return f"{code} {words}" if code else words


def _passing(error: Exception, said: str) -> str | None:
    """Our message for a refusal that passes; None when it is not known as one."""
    forbidden = _FORBIDDEN.search(said)
    if forbidden:
        return f"forbids this user the command {forbidden[1]}: correct its ACL"
    return _listed(_SET_UP, error, said) or _listed(_PASSING, error, said)


def _is_of_the_set_up(error: Exception, said: str) -> bool:
    return (
        (isinstance(error, _UNANSWERED) and (is_tls_fault(said) or why_not_told(said) is not None))
        or isinstance(error, exceptions.InvalidResponse)
        or _listed(_SET_UP, error, said) is not None
    )


def _listed(
    rows: tuple[tuple[str, type[Exception] | None, str], ...], error: Exception, said: str
) -> str | None:
    return next(
        (
            text
            for word, kind, text in rows
            if word in said or (kind is not None and isinstance(error, kind))
        ),
        None,
    )


def _is_lasting(error: Exception, said: str) -> bool:
    if isinstance(error, exceptions.DataError):
        return True
    return isinstance(error, exceptions.ResponseError) and any(
        word.lower() in said.lower() for word in _LASTING
    )


def _explanation(error: Exception) -> str | None:
    if isinstance(error, _UNANSWERED) and (reason := why_no_connection(str(error))):
        return reason
    return next((text for kind, text in _EXPLANATIONS if isinstance(error, kind)), None)


def _refused(said: str) -> str:
    # Only its first word: the others may quote a job's content.
    code = _CODE.match(said)
    return f"refuses a command ({code[0]})" if code else "refuses a command"


def reading(answer: Any) -> Any:
    """The answer to a command of many that read; None when the key holds another type.

    Raises:
        RedisError: any other refusal.
    """
    if not isinstance(answer, Exception):
        return answer
    if str(answer).startswith(_WRONG_TYPE):
        return None
    raise answer
