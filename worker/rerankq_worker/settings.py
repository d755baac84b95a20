"""Settings of the worker's side: the upstream account, and how hard to work."""

from typing import Annotated, Final, Literal, Self

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from rerankq.errors import SettingsError
from rerankq.settings import ClientSettings

DEFAULT_UPSTREAM_URL: Final = "https://www.dmxapi.cn/v1/rerank"


class WorkerSettings(ClientSettings):
    """What a worker needs to know, beside what a producer does."""

    upstream_url: HttpUrl = Field(
        default=HttpUrl(DEFAULT_UPSTREAM_URL), description="Where rerank requests are posted."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        validation_alias=AliasChoices("RERANKQ_API_KEYS", "DMXAPI_API_KEY"),
        description="The account's key; RERANKQ_API_KEYS takes several; the first is used.",
    )
    auth_prefix: str = Field(
        default="", description='Put before the key, such as "Bearer "; DMXAPI wants none.'
    )
    dialect: Literal["dmxapi", "cohere", "siliconflow", "voyage", "vllm", "tei", "dashscope"] = (
        Field(default="dmxapi", description="Which vendor's way of asking and answering.")
    )
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="Calls that one worker process has under way at most."
    )
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = Field(
        default=3.0, description="A worker that is silent this long loses its jobs to others."
    )
    call_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="Time limit of one upstream call, whole."
    )
    max_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="Attempts before a job fails; throttled ones are not counted."
    )
    give_up_seconds: Annotated[float, Field(gt=0)] = Field(
        default=86_400.0, description="Age of a job after which it is not tried again."
    )
    drain_seconds: Annotated[float, Field(ge=0)] = Field(
        default=30.0, description="How long SIGTERM lets running jobs finish."
    )

    health_host: str = Field(default="127.0.0.1", description="Where /live and /ready answer.")
    health_port: Annotated[int, Field(ge=1, le=65_534)] | None = Field(
        default=None,
        description="Their port; none when unset. The second lane of a command takes the next.",
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _separated(cls, keys: object) -> object:
        if isinstance(keys, str):
            return tuple(key.strip() for key in keys.split(",") if key.strip())
        return keys

    @field_validator("api_keys")
    @classmethod
    def _fit_for_a_header(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            text = key.get_secret_value()
            if not text.isascii() or not text.isprintable() or " " in text:
                raise ValueError("a key has a character that no HTTP header may carry")
        return keys

    @model_validator(mode="after")
    def _results_outlive_leases(self) -> Self:
        if self.result_ttl < self.lease_seconds:
            raise ValueError("RERANKQ_RESULT_TTL must be at least RERANKQ_LEASE_SECONDS")
        return self

    def require_key(self) -> str:
        """The key to call the upstream with.

        Raises:
            SettingsError: none is set.
        """
        if not self.api_keys:
            raise SettingsError(
                "no upstream key: set DMXAPI_API_KEY (or RERANKQ_API_KEYS), "
                "or point RERANKQ_UPSTREAM_URL at `rerankq sandbox` with any key"
            )
        return self.api_keys[0].get_secret_value()
