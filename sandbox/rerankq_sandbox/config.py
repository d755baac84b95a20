"""The settings of the sandbox."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from rerankq_sandbox.dialects import DialectName
from rerankq_sandbox.latency import (
    Constant,
    Distribution,
    Lognormal,
    Milliseconds,
    Uniform,
)

ScorerChoice = Literal["auto", "semantic", "bigram", "hash"]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Secret = Annotated[SecretStr, Field(min_length=1)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class SandboxConfig(BaseModel):
    """Settings of one server; frozen, and checked when made.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        keys: API keys that are accepted; none means any key, or no key.
        models: Models that are known; none means any name.
        dialect: The dialect of `/v1/rerank`, if it uses that path. The others have paths of their
            own, and are always served.
        scorer: `bigram` (shared characters, fast), `semantic` (meaning as well, a few hundred
            documents a second), `hash` (no meaning, for load tests), or `auto`: semantic if its
            package is installed, else bigram.
        latency_ms: Mean time from a call's arrival to its answer, in milliseconds.
        jitter: Spread of the latency as a fraction: 0.2 means uniformly 80% to 120% of the mean.
        latency_p99_ms: Makes the latency log-normal: half the calls take `latency_ms` at most, and
            99% of them this long.
        document_ms: Time added for each document of a call.
        token_ms: Time added for each token of a call, estimated.
        seed: Seed of latency and of random faults.
        fail_rate: Fraction of calls that are answered with `fail_status`.
        fail_status: Status of those answers.
        drop_rate: Fraction of calls whose connection is closed with no answer.
        scenario: File of the scenario to play from the start on.
        log: File to which two JSON lines for each call are appended; none writes no file.
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
    dialect: DialectName = "dmxapi"
    scorer: ScorerChoice = "bigram"
    latency_ms: Milliseconds = 0
    jitter: Rate = 0
    latency_p99_ms: Milliseconds | None = None
    document_ms: Milliseconds = 0
    token_ms: Milliseconds = 0
    seed: int = 0
    fail_rate: Rate = 0
    fail_status: int = Field(default=500, ge=400, le=599)
    drop_rate: Rate = 0
    scenario: Path | None = None
    log: Path | None = None
    log_entries: int = Field(default=100_000, ge=1, le=10_000_000)
    max_body_bytes: int = Field(default=32 * 2**20, ge=1024, le=2**30)

    @model_validator(mode="after")
    def _rates_fit_in_one(self) -> Self:
        if self.fail_rate + self.drop_rate > 1:
            raise ValueError("fail_rate and drop_rate together exceed 1")
        return self

    @model_validator(mode="after")
    def _latency_has_one_spread(self) -> Self:
        if self.latency_p99_ms is None:
            return self
        if self.jitter:
            raise ValueError("jitter and latency_p99_ms: only one of them may be given")
        if not 0 < self.latency_ms <= self.latency_p99_ms:
            raise ValueError("latency_p99_ms must be at least latency_ms, which must be above 0")
        return self

    @property
    def latency(self) -> Distribution:
        """How long answers take, until a scenario changes it."""
        costs = {"per_document_ms": self.document_ms, "per_token_ms": self.token_ms}
        if self.latency_p99_ms is not None:
            median, p99 = self.latency_ms, self.latency_p99_ms
            return Lognormal(kind="lognormal", median_ms=median, p99_ms=p99, **costs)
        if self.jitter:
            return Uniform(kind="uniform", ms=self.latency_ms, jitter=self.jitter, **costs)
        return Constant(kind="constant", ms=self.latency_ms, **costs)
