"""Which refusals of Redis are temporary, and which are permanent."""

import pytest
from redis import exceptions

from rerankq.errors import LedgerRefusal
from rerankq.store.refusals import name_key, refusal

SCRIPT = " script: 0a9f75e9, on @user_script:12."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("NOREPLICAS Not enough good replicas to write.", "lower min-replicas-to-write"),
        (f"NOREPLICAS Not enough good replicas to write.{SCRIPT}", "lower min-replicas-to-write"),
        ("BUSY Redis is busy running a script.", "SCRIPT KILL"),
        ("MASTERDOWN Link with MASTER is down.", "point RERANKQ_REDIS_URL at a primary"),
        ("CLUSTERDOWN Hash slot not served", "at a single Redis"),
        ("max number of clients reached", "raise its maxclients"),
        (f"OOM command not allowed.{SCRIPT}", "out of memory"),
        ("ERR Error running script (call to f_1): @user_script:1: -OOM command", "out of memory"),
        ("MISCONF Errors writing to the AOF file: No space left", "disk"),
        (f"ERR Script killed by user with SCRIPT KILL.{SCRIPT}", "retry"),
        (f"ERR ACL failure in script: User u has no permissions{SCRIPT}", "correct its ACL"),
        *(
            (f"ERR The user executing the script can't {what}{SCRIPT}", "correct its ACL")
            for what in (
                "run this command or subcommand",
                "access at least one of the keys mentioned in the command arguments",
                "publish to the channel mentioned in the command",
            )
        ),
        ("NEWWORD of a Redis to come", "refuses a command (NEWWORD): see its log"),
    ],
)
def test_temporary_refusals(said: str, told: str) -> None:
    """A refusal that is not known to be permanent is temporary, so workers keep their results."""
    error = refusal("here", exceptions.ResponseError(said))
    assert not isinstance(error, LedgerRefusal)
    assert not error.uncertain
    assert told in str(error)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.MasterDownError("Link with MASTER is down."),
        exceptions.ClusterDownError("The cluster is down"),
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        exceptions.NoPermissionError("this user has no permissions"),
        exceptions.AuthenticationError("invalid username-password pair"),
    ],
)
def test_the_librarys_error_classes_count_too(error: Exception) -> None:
    """If the library has removed Redis' word from the message, its error class decides."""
    told = refusal("here", error)
    assert not isinstance(told, LedgerRefusal)
    assert not told.uncertain
    assert "refuses a command" not in str(told)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ResponseError("WRONGTYPE Operation against a key"),
        exceptions.ResponseError(f"WRONGTYPE Operation against a key{SCRIPT}"),
        exceptions.ResponseError(f"user_script:12: attempt to concatenate a table value{SCRIPT}"),
        exceptions.ResponseError("ERR Error running script (call to f_1): attempt to index nil"),
        exceptions.ResponseError("wrong number of arguments for 'set' command"),
        exceptions.ResponseError("unknown command 'ZMSCORE', with args beginning with: "),
        exceptions.ResponseError("value is not an integer or out of range"),
        exceptions.DataError("Invalid input of type: 'NoneType'"),
    ],
)
def test_permanent_refusals(error: Exception) -> None:
    """A key of another type, an unknown command and a failing script are permanent."""
    assert isinstance(refusal("here", error), LedgerRefusal)


def test_what_the_library_quotes_is_ignored() -> None:
    """Words of a job that the library quotes before Redis' own words do not count."""
    quoted = "Command # 1 (MSETNX k OOM BUSY WRONGTYPE) of pipeline caused error: {!r}"
    lasting = exceptions.ResponseError(quoted.format(("WRONGTYPE Operation against a key",)))
    passing = exceptions.ResponseError(quoted.format(("NOREPLICAS Not enough",)))
    assert "WRONGTYPE" in str(refusal("here", lasting))
    assert isinstance(refusal("here", lasting), LedgerRefusal)
    assert "NOREPLICAS" not in str(refusal("here", passing))
    assert "too few replicas" in str(refusal("here", passing))


def test_refusal_quotes_no_argument() -> None:
    """A message shows only Redis' first word, because the rest may contain a job's content."""
    error = exceptions.ResponseError("ODD thing 's3cret'")
    assert "s3cret" not in str(refusal("here", error))


def test_a_key_of_another_type_is_named() -> None:
    """If one command met a key of another type, the message says which key, and what to do."""
    error = exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind")
    name_key(error, "rerankq:accounts")
    told = "the key rerankq:accounts holds something of another type: see who else writes to this"
    assert told in str(refusal("here", error))
