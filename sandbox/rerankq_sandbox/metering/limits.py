"""What can be limited for an account: requests, tokens, and calls at a time."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from rerankq_sandbox.actions import ErrorName
from rerankq_sandbox.complaint import complaint
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.metering.accounts import AccountName

DEFAULT: Final = "default"
_MINUTE: Final = 60.0

Count = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]


class AccountLimits(BaseModel):
    """Limits of one account; null means no limit.

    Attributes:
        rpm: Calls in any window.
        tpm: Estimated tokens in any window: for each document its own and the query's.
        window_seconds: Length of the window: a minute, as the names say; tests use shorter ones.
        per_second: Rate of a token bucket, in addition to the window or instead of it.
        burst: Size of the bucket; one second's calls if null.
        concurrency: Calls at a time.
        counts: Which calls count in the window: `served` ones that ended well, `admitted` ones
            (failed ones too), or all that `arrived` (refused ones too).
        answer: Row of the error table that a call over a limit gets.
        retry_after: Whether and how `Retry-After` tells when to come again.
        ratelimit_headers: Which answers carry `x-ratelimit-*` for requests, tokens and concurrent
            calls. For requests, window or bucket is shown, whichever has less left.
        reset_style: How their times are written: `duration` (`1m2.5s`) or plain `seconds`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    rpm: Count | None = None
    tpm: Count | None = None
    window_seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = _MINUTE
    per_second: Positive | None = None
    burst: Annotated[float, Field(ge=1, le=10**9, allow_inf_nan=False)] | None = None
    concurrency: Count | None = None
    counts: Literal["served", "admitted", "arrived"] = "admitted"
    answer: ErrorName = "saturated"
    retry_after: Literal["none", "seconds", "date"] = "none"
    ratelimit_headers: Literal["none", "refusals", "always"] = "none"
    reset_style: Literal["duration", "seconds"] = "duration"

    @model_validator(mode="after")
    def _burst_has_a_rate(self) -> Self:
        if self.burst is not None and self.per_second is None:
            raise ValueError("burst needs per_second")
        return self

    @property
    def bucket_size(self) -> float:
        """The size of the bucket: at least one call."""
        return self.burst or max(1.0, self.per_second or 0.0)

    @property
    def calls_a_window(self) -> float | None:
        """The most calls that any window may have, by the stricter limit."""
        bounds: list[float] = [] if self.rpm is None else [self.rpm]
        if self.per_second is not None:
            bounds.append(self.bucket_size + self.per_second * self.window_seconds)
        return min(bounds, default=None)


UNLIMITED: Final = AccountLimits()

Limits = dict[AccountName, AccountLimits]
"""Limits by account; `default` applies to each account that is not named."""

_LIMITS: TypeAdapter[Limits] = TypeAdapter(Limits)
_CHANGES: TypeAdapter[dict[AccountName, AccountLimits | None]] = TypeAdapter(
    dict[AccountName, AccountLimits | None]
)


def read_limits(body: bytes) -> Limits:
    """Decode all limits.

    Raises:
        GatewayError: 400, naming the place and the reason, never the content.
    """
    try:
        return _LIMITS.validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None


def read_changes(body: bytes) -> dict[str, AccountLimits | None]:
    """Decode limits of some accounts; null removes an account's own limits.

    Raises:
        GatewayError: 400, naming the place and the reason, never the content.
    """
    try:
        return _CHANGES.validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> GatewayError:
    return GatewayError(400, complaint(error, "limits"), "invalid_request")
