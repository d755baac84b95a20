"""Variables of the environment and of `.env`: which of them are settings, and what they hold."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from rerankq.errors import SettingsError
from rerankq.secret_files import SECRETS, file_name_of, text_in_file

PREFIX: Final = "RERANKQ_"

OTHER_NAMES: Final = (
    # Read by the worker package, which this one may not import; a test compares the two.
    "RERANKQ_UPSTREAM_URL",
    "RERANKQ_API_KEYS",
    "RERANKQ_AUTH_PREFIX",
    "RERANKQ_DIALECT",
    "RERANKQ_DIALECT_OPTIONS",
    "RERANKQ_SCORES",
    "RERANKQ_CONTEXT_TOKENS",
    "RERANKQ_TOKEN_COUNTER",
    "RERANKQ_CALL_DOCUMENTS",
    "RERANKQ_CALL_TOKENS",
    "RERANKQ_CALL_BYTES",
    "RERANKQ_LISTWISE_MODELS",
    "RERANKQ_JOB_CALLS",
    "RERANKQ_CHEAP_HOURS",
    "RERANKQ_CHEAP_HOURS_ZONE",
    "RERANKQ_CHEAP_HOURS_MARGIN",
    "RERANKQ_UPSTREAM_FILE",
    "RERANKQ_RPM",
    "RERANKQ_TPM",
    "RERANKQ_CONCURRENCY",
    "RERANKQ_MAX_IN_FLIGHT",
    "RERANKQ_LEASE_SECONDS",
    "RERANKQ_CALL_SECONDS",
    "RERANKQ_MAX_ATTEMPTS",
    "RERANKQ_MIN_RETRY_SECONDS",
    "RERANKQ_GIVE_UP_SECONDS",
    "RERANKQ_SCORE_CHECK_SECONDS",
    "RERANKQ_SHARED_CALLS",
    "RERANKQ_LONG_DOCUMENTS",
    "RERANKQ_MOST_PASSAGES",
    "RERANKQ_DRAIN_SECONDS",
    "RERANKQ_REUSE",
    "RERANKQ_REUSE_BYTES",
    "RERANKQ_HISTORY_TTL",
    "RERANKQ_HISTORY_BYTES",
    "RERANKQ_USAGE_DAYS",
    "RERANKQ_HEALTH_HOST",
    "RERANKQ_HEALTH_PORT",
    "RERANKQ_METRICS",
    "RERANKQ_LOG_LEVEL",
    "RERANKQ_LOG_FORMAT",
    "RERANKQ_TRACES",
    "RERANKQ_TASK_EVENTS",
    "RERANKQ_LISTENERS",
    "RERANKQ_CALLBACK_BROKER_URL",
    # Read by the gateway, for which the same holds.
    "RERANKQ_GATEWAY_HOST",
    "RERANKQ_GATEWAY_PORT",
    "RERANKQ_GATEWAY_WORKERS",
    "RERANKQ_GATEWAY_ROOT_PATH",
    "RERANKQ_GATEWAY_TLS_CERT",
    "RERANKQ_GATEWAY_TLS_KEY",
    "RERANKQ_GATEWAY_PROXIES",
    "RERANKQ_GATEWAY_MAX_BODY",
    "RERANKQ_GATEWAY_MAX_UPLOAD",
    "RERANKQ_GATEWAY_MAX_WAITERS",
    "RERANKQ_GATEWAY_MAX_STREAMS",
    "RERANKQ_GATEWAY_IDLE_SECONDS",
    "RERANKQ_GATEWAY_WAIT_SECONDS",
    "RERANKQ_GATEWAY_ON_DISCONNECT",
    "RERANKQ_GATEWAY_ON_FAILURE",
    "RERANKQ_GATEWAY_KEEP_SECONDS",
    "RERANKQ_GATEWAY_DRAIN_SECONDS",
    "RERANKQ_GATEWAY_FILES_DIR",
    "RERANKQ_GATEWAY_FILES_BYTES",
    "RERANKQ_GATEWAY_FILES_TTL",
    "RERANKQ_GATEWAY_WEBHOOK_HTTP",
    "RERANKQ_GATEWAY_WEBHOOK_NETWORKS",
    "RERANKQ_GATEWAY_TOKENS",
    "RERANKQ_GATEWAY_METRICS_HOST",
    "RERANKQ_GATEWAY_METRICS_PORT",
    "RERANKQ_GATEWAY_DOCS",
    "RERANKQ_GATEWAY_CONSOLE",
    "RERANKQ_GATEWAY_ACCESS_LOG",
    # Read only by commands.
    "RERANKQ_SANDBOX_KEY",
    "RERANKQ_FLOWER_AUTH",
    "RERANKQ_DEBUG",
    # Files of secrets.
    *(file_name_of(name) for name in SECRETS if name.startswith(PREFIX)),
)
"""Settings that other parts of rerankq read, in addition to those of `ClientSettings`."""


def refuse_unknown(known: Iterable[str], *, env_file: str | None = None) -> None:
    """Refuse a misspelt setting, which would silently have its default.

    Args:
        known: the names that rerankq reads.
        env_file: the file that is read after the environment, if it exists.

    Raises:
        SettingsError: environment or file has a `RERANKQ_…` variable that nothing reads.
    """
    for name, hint in unknown(known, env_file=env_file):
        raise SettingsError(f"{name} is no setting: {hint}")


def unknown(known: Iterable[str], *, env_file: str | None = None) -> Iterator[tuple[str, str]]:
    """The `RERANKQ_…` variables that nothing reads, each with a hint at what was meant.

    Args:
        known: the names that rerankq reads.
        env_file: the file that is read after the environment, if it exists.

    Raises:
        SettingsError: the file cannot be read.
    """
    names = list(known)
    for name in dict.fromkeys((*filter(_is_by_hand, os.environ), *named_values(env_file))):
        if name.startswith(PREFIX) and name not in names and not name.startswith("RERANKQ_TEST_"):
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(names))}"
            yield name, hint


def read_one(name: str, *, env_file: str) -> str:
    """The value of one of `OTHER_NAMES`, from the environment or else from the file; "" if none.

    Raises:
        SettingsError: the file cannot be read, or that of a secret.
    """
    in_file = named_values(env_file)
    secret = text_in_file(name, os.environ, in_file) if name in SECRETS else None
    return secret or os.environ.get(name) or in_file.get(name) or ""


_OF_A_SERVICE: Final = re.compile(r".*_(SERVICE_(HOST|PORT.*)|PORT_\d+_(TCP|UDP|SCTP).*)")


def _is_by_hand(name: str) -> bool:
    """Whether a person set it: Kubernetes adds variables for a Service such as `rerankq-redis`."""
    is_address = name.endswith("_PORT") and "://" in os.environ[name]
    return not (is_address or _OF_A_SERVICE.fullmatch(name))


def named_values(env_file: str | None) -> dict[str, str]:
    """The variables that a file like `.env` sets; none when there is no such file.

    Raises:
        SettingsError: it is not a text file.
    """
    if env_file is None or not Path(env_file).is_file():
        return {}
    try:
        found = dotenv_values(env_file)
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{env_file} cannot be read: it must be a text file in UTF-8") from None
    return {name: value or "" for name, value in found.items()}
