"""What can be limited: requests, tokens and calls at a time, an account."""

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
    """Limits of one account; what is null is not limited.

    Attributes:
        rpm: Calls in any window.
        tpm: Tokens in any window: the query once a document, and the documents; estimated.
        window_seconds: Length of the window; a minute, as the names say, if not for a test.
        per_second: Calls a second of a token bucket, beside or instead of the window.
        burst: What the bucket holds; one second's worth when null.
        concurrency: Calls at a time.
        counts: What uses the window up: `served` calls that ended well, `admitted` ones that
            failed as well, or all that `arrived`, refused ones too.
        answer: Row of the error table that a call over a limit gets.
        retry_after: Whether and how `Retry-After` tells when to come again.
        ratelimit_headers: Which answers carry `x-ratelimit-*`: of requests (of the bucket where
            there is no window, or less left in it), tokens, and concurrent calls.
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
        """What the bucket holds: at least one call."""
        return self.burst or max(1.0, self.per_second or 0.0)

    @property
    def calls_a_window(self) -> float | None:
        """The most calls that any window may see, by whichever limit says so."""
        bounds: list[float] = [] if self.rpm is None else [self.rpm]
        if self.per_second is not None:
            bounds.append(self.bucket_size + self.per_second * self.window_seconds)
        return min(bounds, default=None)


UNLIMITED: Final = AccountLimits()

Limits = dict[AccountName, AccountLimits]
"""By account; `default` is for each account that is not named."""

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
    """Decode limits of some accounts; null takes an account's own limits away.

    Raises:
        GatewayError: 400, naming the place and the reason, never the content.
    """
    try:
        return _CHANGES.validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> GatewayError:
    return GatewayError(400, complaint(error, "limits"), "invalid_request")
