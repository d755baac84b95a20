"""Events of a call of the rerank endpoint."""

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from rerankq.events.event import Event, JobRef

RANKED: Final = "ranked"
"""The outcome of a call that returned a ranking."""
_CLASS: Final = 100


class CallRef(NamedTuple):
    """The call that an event is about, with its route.

    Attributes:
        job_id: the job that it is for.
        attempt: number of the job's call, from 1.
        model: the site's name for the model.
        site: name of the site.
        account: name of the account there.
        key_id: fingerprint of the key; never the key.
    """

    job_id: str
    attempt: int
    model: str
    site: str
    account: str
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(Event):
    """A call is about to be sent."""

    name: ClassVar[str] = "call.started"
    call: CallRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished(Event):
    """A call has ended, with a ranking or without. Not told when this worker cancels it.

    Attributes:
        seconds: how long it took.
        outcome: `ranked`, or the reason why it returned no ranking.
        status: HTTP status; 200 for a ranking, None when there was no answer.
        cause: the cause of a failure (`dns`, `answer_timeout`, …), when it is known.
        prompt_tokens: the upstream's count; 0 when it does not tell.
        total_tokens: the upstream's count; 0 when it does not tell.
        request_id: the upstream's own id of the call.
    """

    name: ClassVar[str] = "call.finished"
    call: CallRef
    seconds: float
    outcome: str
    status: int | None
    cause: str | None = None
    prompt_tokens: int = 0
    total_tokens: int = 0
    request_id: str | None = None

    @property
    def status_class(self) -> str:
        """`2xx` to `5xx`, or `none` when there was no answer."""
        return f"{self.status // _CLASS}xx" if self.status else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoresReused(Event):
    """A job has its scores, where workers reuse scores; some or none of them were known.

    Attributes:
        site: name of the site whose scores they are.
        model: the job's name for the model.
        reused: documents whose scores were known.
        sent: documents that were sent.
    """

    name: ClassVar[str] = "scores.reused"
    job: JobRef
    site: str
    model: str
    reused: int
    sent: int
