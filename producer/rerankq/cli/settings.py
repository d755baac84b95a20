"""The settings of the command line, from the environment and from `.env`."""

from typing import Annotated, Final

from pydantic import AliasChoices, Field, SecretStr, field_validator

from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES, refuse_unknown

ENV_FILE: Final = ".env"


class CommandSettings(ClientSettings):
    """The producer's settings, and those of the command line only."""

    flower_auth: SecretStr | None = Field(
        default=None, description="user:password for Flower; generated for each run when absent."
    )
    upstream_key: Annotated[
        SecretStr | None,
        Field(validation_alias=AliasChoices("DMXAPI_API_KEY", "RERANKQ_API_KEYS")),
    ] = None

    @field_validator("flower_auth")
    @classmethod
    def _is_a_pair(cls, auth: SecretStr | None) -> SecretStr | None:
        user, colon, password = auth.get_secret_value().partition(":") if auth else ("x", ":", "x")
        if not (user and colon and password) or "," in user + password:
            raise ValueError("must be user:password, without a comma")
        return auth


def load() -> CommandSettings:
    """The settings, checked.

    Raises:
        SettingsError: one is wrong, or unknown.
    """
    refuse_unknown((*CommandSettings.names(), *OTHER_NAMES), env_file=ENV_FILE)
    return CommandSettings.load(env_file=ENV_FILE)
