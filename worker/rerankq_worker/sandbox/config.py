"""What can be set on the stand-in upstream."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

ScorerChoice = Literal["auto", "semantic", "bigram"]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Secret = Annotated[SecretStr, Field(min_length=1)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class SandboxConfig(BaseModel):
    """Settings of one server; frozen, and checked when made.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        keys: API keys that are accepted; none means that every call is.
        models: Models that are known; none means that every name is.
        scorer: `semantic`, `bigram`, or `auto`: semantic where its package is installed.
        latency_ms: Mean time from a call's arrival to its answer, in milliseconds.
        jitter: Spread of the latency as a fraction: 0.2 means uniformly 80% to 120% of the mean.
        seed: Seed of latency and of random faults.
        fail_rate: Fraction of calls that are answered with `fail_status`.
        fail_status: Status of those answers.
        drop_rate: Fraction of calls whose connection is closed with no answer.
        log: File that gets two JSON lines a call, appended; none writes no file.
        log_entries: Calls that `GET /_sandbox/log` remembers.
        max_body_bytes: Longest request body that is read; longer ones get 413.

    Raises:
        pydantic.ValidationError: A value is out of bounds. The message never shows a value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65_535)
    keys: tuple[Secret, ...] = ()
    models: tuple[ModelName, ...] = ()
    scorer: ScorerChoice = "auto"
    latency_ms: float = Field(default=0, ge=0, le=600_000, allow_inf_nan=False)
    jitter: Rate = 0
    seed: int = 0
    fail_rate: Rate = 0
    fail_status: int = Field(default=500, ge=400, le=599)
    drop_rate: Rate = 0
    log: Path | None = None
    log_entries: int = Field(default=100_000, ge=1, le=10_000_000)
    max_body_bytes: int = Field(default=32 * 2**20, ge=1024, le=2**30)

    @model_validator(mode="after")
    def _rates_fit_in_one(self) -> Self:
        if self.fail_rate + self.drop_rate > 1:
            raise ValueError("fail_rate and drop_rate together exceed 1")
        return self
