"""Settings of the producer's side, from the environment: `RERANKQ_…`.

A wrong setting is named at start, without its value: it may be a secret.
"""

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Self

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rerankq.contract import DEFAULT_MODEL, TenantName
from rerankq.errors import SettingsError
from rerankq.invalid_input import in_plain_words
from rerankq.secret_files import SECRETS, file_name_of, text_in_file
from rerankq.secret_source import FilesOfSecrets
from rerankq.store.address import RedisAddress
from rerankq.store.keys import Keys
from rerankq.store.separate_password import with_password
from rerankq.store.write_concern import Durability, WriteConcern

PREFIX: Final = "RERANKQ_"

MOST_KEPT_SECONDS: Final = 10 * 365 * 24 * 3600
"""Longest that anything may be kept: Redis must be able to store the time of its end."""

OTHER_NAMES: Final = (
    # Read by the worker package, which this one may not import; a test compares the two.
    "RERANKQ_UPSTREAM_URL",
    "RERANKQ_API_KEYS",
    "RERANKQ_AUTH_PREFIX",
    "RERANKQ_DIALECT",
    "RERANKQ_DIALECT_OPTIONS",
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
    "RERANKQ_DRAIN_SECONDS",
    "RERANKQ_HISTORY_TTL",
    "RERANKQ_HISTORY_BYTES",
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
    "RERANKQ_GATEWAY_ACCESS_LOG",
    # Read only by commands.
    "RERANKQ_SANDBOX_KEY",
    "RERANKQ_FLOWER_AUTH",
    "RERANKQ_DEBUG",
    # Files of secrets.
    *(file_name_of(name) for name in SECRETS if name.startswith(PREFIX)),
)
"""Settings that other parts of rerankq read, in addition to those of `ClientSettings`."""


class RedisSettings(BaseSettings):
    """Where the ledger is: what every part of rerankq needs to know."""

    # A variable with an empty value counts as not set.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    # Above the address, whose validator puts it in.
    redis_password: SecretStr | None = Field(
        default=None, description="The password of Redis, if it is not in the address."
    )
    redis_url: str = Field(
        default="redis://localhost:6379/0",
        validate_default=True,
        description="The Redis or Valkey (6.2 or newer) that holds everything.",
    )
    namespace: str = Field(
        default="",
        description="Stands before every key in Redis, so that environments can share a database.",
    )
    durability: Durability = Field(
        default=Durability.MEMORY,
        description="What survives when submit returns: memory, disk (fsync) or replica.",
    )
    durability_replicas: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="For durability replica: how many replicas must have it."
    )

    @property
    def write_concern(self) -> WriteConcern:
        """What the promises of this program's ledger must survive."""
        return WriteConcern(self.durability, self.durability_replicas)

    @field_validator("redis_url")
    @classmethod
    def _is_an_address(cls, url: str, info: ValidationInfo) -> str:
        password = info.data.get("redis_password")
        if password and password.get_secret_value():
            url = with_password(url, password.get_secret_value())
        RedisAddress.parse(url).check_files()
        return url

    @field_validator("namespace")
    @classmethod
    def _is_a_namespace(cls, namespace: str) -> str:
        return Keys(namespace).namespace

    @classmethod
    def load(cls, env_file: str | None = None, **given: object) -> Self:
        """Read the environment, then `env_file` for what it lacks; `given` wins over both.

        Raises:
            SettingsError: names each wrong setting and what is wrong with it.
        """
        values = {name: value for name, value in given.items() if value is not None}
        if "redis_url" in values:
            # The password of the settings belongs to the address of the settings.
            values.setdefault("redis_password", "")
        try:
            return cls(_env_file=env_file, **values)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError("; ".join(_faults(error))) from None

    @classmethod
    def faults(cls, env_file: str | None = None) -> list[str]:
        """What `load` would refuse: each wrong setting by itself. Its values are not shown."""
        try:
            cls(_env_file=env_file)
        except ValidationError as error:
            return _faults(error)
        except SettingsError as error:
            return [str(error)]
        return []

    @classmethod
    def names(cls) -> list[str]:
        """The environment variables that are read: for each setting the preferred name."""
        fields = cls.model_fields.items()
        return [_variables(name, field.validation_alias)[0] for name, field in fields]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a program gives, then files of secrets, the environment, and `.env`."""
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        variables = {
            name: _variables(name, field.validation_alias)
            for name, field in settings_cls.model_fields.items()
            if name not in given
        }
        in_dotenv = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file
        places = os.environ, named_values(str(in_dotenv) if in_dotenv else None)
        files = FilesOfSecrets(settings_cls, variables, places)
        return init_settings, files, env_settings, dotenv_settings, file_secret_settings


class ClientSettings(RedisSettings):
    """The settings of a producer."""

    tenant: TenantName | None = Field(
        default=None,
        description="Whose jobs and batches the client and the command line see and make.",
    )
    model: Annotated[str, StringConstraints(min_length=1)] = Field(
        default=DEFAULT_MODEL, description="Model for jobs that name none."
    )
    result_ttl: Annotated[float, Field(ge=1, le=MOST_KEPT_SECONDS, allow_inf_nan=False)] = Field(
        default=86_400.0, description="Seconds to keep a result; its record stays twice as long."
    )
    dead_ttl: Annotated[float, Field(ge=1, le=MOST_KEPT_SECONDS, allow_inf_nan=False)] = Field(
        default=604_800.0, description="Seconds to keep a failed job, to be looked at or replayed."
    )
    batch_ttl: Annotated[float, Field(ge=1, le=MOST_KEPT_SECONDS, allow_inf_nan=False)] = Field(
        default=2_678_400.0,
        description="Seconds to keep a batch, and its results until all are written or released.",
    )
    max_queue_depth: Annotated[int, Field(ge=1, le=10**12)] = Field(
        default=1_000_000, description="Most unfinished jobs in a lane; more are refused."
    )

    def of_operator(self) -> Self:
        """The same for who serves all tenants, such as a gateway."""
        return self.model_copy(update={"tenant": None})


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


def _variables(name: str, alias: object) -> list[str]:
    """The names of a setting's variables, the preferred one first."""
    if isinstance(alias, AliasChoices):
        return [str(each) for each in alias.choices]
    return [alias if isinstance(alias, str) else PREFIX + name.upper()]


def _faults(error: ValidationError) -> list[str]:
    faults = error.errors(include_url=False, include_input=False)
    return [
        # A fault between several settings has no single name: its message names them.
        f"{_name(str(fault['loc'][0]))}: {in_plain_words(fault)}"
        if fault["loc"]
        else fault["msg"].removeprefix("Value error, ")
        for fault in faults
    ]


def _name(location: str) -> str:
    return location if location.isupper() else PREFIX + location.upper()
