"""The faults that exist: frozen models, told apart by `kind`."""

import re
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rerankq_sandbox.error_table import known_error

_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
_FRAMING = {"content-length", "transfer-encoding", "connection", "x-oneapi-request-id"}


def _safe_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("a header has characters that HTTP does not allow")
        if name.lower() in _FRAMING:
            raise ValueError("framing headers and X-Oneapi-Request-Id are the server's own")
    return headers


Headers = Annotated[dict[str, str], Field(max_length=50), AfterValidator(_safe_headers)]


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class StatusAction(_Action):
    """Answer at once with a status.

    Attributes:
        status: HTTP status, 200 to 599.
        headers: Headers to add, such as `Retry-After`.
        body: JSON body; a string is sent as HTML, `""` sends no body; null sends what the gateway
            family usually sends with this status.
    """

    kind: Literal["status"]
    status: int = Field(ge=200, le=599)
    headers: Headers = {}
    body: dict[str, Any] | list[Any] | str | None = None


ErrorName = Annotated[str, AfterValidator(known_error)]


class ErrorAction(_Action):
    """Answer at once with a row of the error table.

    Attributes:
        name: The row's name, as `GET /_sandbox/errors` lists them.
        headers: Headers to add, such as `Retry-After`.
    """

    kind: Literal["error"]
    name: ErrorName
    headers: Headers = {}


class DelayAction(_Action):
    """Answer as usual, `seconds` later."""

    kind: Literal["delay"]
    seconds: float = Field(ge=0, le=3600, allow_inf_nan=False)


class DropAction(_Action):
    """Close the connection with no answer."""

    kind: Literal["drop"]


class RefuseAction(_Action):
    """Stop listening, so that connections are refused; calls on open connections are dropped.

    Only in an outage, which must have an end.
    """

    kind: Literal["refuse"]


class HangAction(_Action):
    """Never answer, until the client goes away or the server stops."""

    kind: Literal["hang"]


Refusal = Annotated[StatusAction | ErrorAction, Field(discriminator="kind")]
"""An answer in place of a ranking."""


class _Sent(_Action):
    """A way to send an answer: the usual one, or `answer` with its own status and headers."""

    answer: Refusal | None = None


class CutAction(_Sent):
    """Announce the whole answer, send `bytes` of it (half when null, never all), and close."""

    kind: Literal["cut"]
    bytes: int | None = Field(default=None, ge=0, le=2**20)


class DripAction(_Sent):
    """Send the answer byte by byte, `seconds_per_byte` apart."""

    kind: Literal["drip"]
    seconds_per_byte: float = Field(ge=0, le=60, allow_inf_nan=False)


class HugeAction(_Sent):
    """Send the answer followed by blanks, `bytes` in all, without announcing the length."""

    kind: Literal["huge"]
    bytes: int = Field(ge=32, le=2**32)


class TwiceAction(_Sent):
    """Send the answer, and `seconds` later a second one on the same connection."""

    kind: Literal["twice"]
    seconds: float = Field(ge=0, le=60, allow_inf_nan=False)


class SpoilAction(_Action):
    """Answer 200 with content that is wrong in one way.

    Attributes:
        kind: `garbage` JSON that breaks off; `wrong_index` an index past the last document;
            `duplicate_index` one index twice; `short` one result too few; `null_results` null
            where the results should be; `nan` a score that is the literal NaN; `wrong_type` a
            score that is a string; `foreign_documents` rows that repeat no document of the call;
            `ok_error` an error body. Four keep the form of a ranking: `equal_scores` the same score
            for all documents; `reversed_scores` the worst document first; `huge_scores` scores
            that no model gives; `logits` raw scores instead of probabilities, which are good.
    """

    kind: Literal[
        "garbage",
        "wrong_index",
        "duplicate_index",
        "short",
        "null_results",
        "nan",
        "wrong_type",
        "foreign_documents",
        "ok_error",
        "equal_scores",
        "reversed_scores",
        "huge_scores",
        "logits",
    ]


SentAction = CutAction | DripAction | HugeAction | TwiceAction
AtOnceAction = StatusAction | ErrorAction | DropAction | HangAction | SentAction


def needs_no_ranking(action: "Action") -> TypeGuard[AtOnceAction]:
    """Whether an action can be applied to a call before its body is read."""
    if isinstance(action, SentAction):
        return action.answer is not None
    return isinstance(action, AtOnceAction)


def _for_everybody(action: "OutageAction") -> "OutageAction":
    if not isinstance(action, RefuseAction) and not needs_no_ranking(action):
        raise ValueError("answer: needed in an outage, because nothing is ranked there")
    return action


OutageAction = Annotated[
    AtOnceAction | RefuseAction, Field(discriminator="kind"), AfterValidator(_for_everybody)
]
"""The actions that need no ranking."""

Action = Annotated[
    StatusAction
    | ErrorAction
    | DelayAction
    | DropAction
    | HangAction
    | CutAction
    | DripAction
    | HugeAction
    | TwiceAction
    | SpoilAction,
    Field(discriminator="kind"),
]


def label(action: Action | RefuseAction) -> str:
    """The action's name in the log and in the counts."""
    if isinstance(action, SentAction) and action.answer is not None:
        return f"{action.kind}:{label(action.answer)}"
    return f"error:{action.name}" if isinstance(action, ErrorAction) else action.kind
