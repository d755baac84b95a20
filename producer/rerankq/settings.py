"""Settings of the producer's side, from the environment: `RERANKQ_…`.

A wrong setting is named at start, without its value: it may be a secret.
"""

import os
from pathlib import Path
from typing import Annotated, Final, Self

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
from rerankq.secret_source import FilesOfSecrets
from rerankq.store.address import RedisAddress
from rerankq.store.keys import Keys
from rerankq.store.separate_password import with_password
from rerankq.store.write_concern import Durability, WriteConcern
from rerankq.variables import PREFIX, named_values

MOST_KEPT_SECONDS: Final = 10 * 365 * 24 * 3600
"""Longest that anything may be kept: Redis must be able to store the time of its end."""


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

    prices: Path | None = Field(
        default=None,
        description="A file in TOML with prices of models, before those it comes with.",
    )

    def of_operator(self) -> Self:
        """The same for who serves all tenants, such as a gateway."""
        return self.model_copy(update={"tenant": None})


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
