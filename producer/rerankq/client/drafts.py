"""Makes jobs of the contract from what a caller submits."""

import difflib
import inspect
import re
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from itertools import islice
from typing import Any, Final, Required, TypedDict, TypeVar, get_type_hints

from rerankq.contract import Callback, Document, Job, Lane, LongDocuments, RerankRequest
from rerankq.errors import InvalidRequest
from rerankq.ledger.intake import CALL_JOBS


class Submission(TypedDict, total=False):
    """The arguments of `submit`.

    Attributes:
        query: what the documents are ranked for.
        documents: 1 to 10,000 strings or `{"id"?, "text"}` mappings.
        top_n: how many of the best to return; all when absent.
        model: upstream model; `RERANKQ_MODEL` when absent.
        return_documents: whether the results carry the documents; they do when absent.
        instruction: task description, for models that take one.
        min_score: leave out documents with a lower relevance_score, from 0 to 1 (docs/scores.md).
        raw_scores: whether each row has the site's own score too, as raw_score.
        long_documents: what is done with documents beyond the model's context: `error`, `truncate`
            or `split` (docs/long-documents.md).
        job_id: the job's id, if the caller chooses it: 1 to 64 letters, digits and `_.:-`. A job
            that is known stays as it is, so submitting again with its id is safe.
        lane: `interactive` to be served at once; `bulk`, the default, to be served cheaply.
        custom_id: the caller's own name for the job.
        batch_id: the batch that the job belongs to.
        metadata: at most 16 short strings that come back with the result.
        not_before: when the job may run at the earliest: Unix seconds, or a datetime with its
            offset.
        deadline_seconds: the job expires when it has not ended by then.
        callbacks: who is told of its end, at most 8: each `{"webhook": id}`, or
            `{"task": name, "queue": name}` for a Celery task (docs/webhooks.md).
        idempotency_key: the same key and request give the same job again.
        trace_context: W3C traceparent and tracestate.
        reuse: False to have all documents scored anew (docs/reuse.md).
    """

    query: Required[str]
    documents: Required[Iterable[str | Mapping[str, str] | Document]]
    top_n: int | None
    model: str | None
    return_documents: bool | None
    instruction: str | None
    min_score: float | None
    raw_scores: bool | None
    long_documents: LongDocuments | str | None
    job_id: str | None
    lane: Lane | str | None
    custom_id: str | None
    batch_id: str | None
    metadata: Mapping[str, str] | None
    not_before: float | datetime | None
    deadline_seconds: float | None
    callbacks: Sequence[Callback | Mapping[str, str]] | None
    idempotency_key: str | None
    trace_context: Mapping[str, str] | None
    reuse: bool | None


Draft = Job | RerankRequest | Mapping[str, Any]
"""What `submit_many` takes: a job, a request, or a mapping of the arguments of `submit`."""

_REQUEST_FIELDS: Final = frozenset(RerankRequest.model_fields)
_MOST_OF_A_NAME: Final = 64
_JOB_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TENANT: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NO_OWN_IDS: Final = (
    "is not chosen by a tenant: give the job a custom_id, and an idempotency_key to repeat safely"
)
F = TypeVar("F", bound=Callable[..., Any])


def job_from(draft: Draft, *, default_model: str, tenant: str | None = None) -> Job:
    """The job of a draft.

    A mapping holds the fields of the request and of the job side by side, as the
    arguments of `submit` do.

    Args:
        draft: what a caller submits.
        default_model: for one that names none.
        tenant: whose job it becomes. A tenant does not choose ids of jobs: it would learn which
            ids others have.

    Raises:
        InvalidRequest: names the offending field, also one that `submit` does not have.
    """
    match draft:
        case Job():
            return owned(draft, tenant)
        case RerankRequest():
            return Job(request=draft, tenant=tenant)
    _refuse_others(draft)
    refuse_unknown(draft, Submission.__annotations__, of="submit")
    given: dict[str, Any] = {}
    request: dict[str, Any] = {"model": default_model}
    for name, value in draft.items():
        if value is not None:
            (request if name in _REQUEST_FIELDS else given)[name] = value
    if tenant is not None:
        if "job_id" in given:
            raise InvalidRequest("job_id", _NO_OWN_IDS)
        given["tenant"] = tenant
    if "job_id" in given:
        given["id"] = given.pop("job_id")
    documents = request.get("documents")
    if isinstance(documents, Iterable) and not isinstance(documents, str | Mapping | Sequence):
        request["documents"] = tuple(documents)
    given["request"] = request
    try:
        return Job.parse(given)
    except InvalidRequest as fault:
        raise _as_spelt(fault) from None


def owned(job: Job, tenant: str | None) -> Job:
    """The job as that tenant's.

    Raises:
        InvalidRequest: it is another's.
    """
    if tenant is None or job.tenant == tenant:
        return job
    if job.tenant is not None:
        raise InvalidRequest("tenant", "is another than the client's")
    return job.model_copy(update={"tenant": tenant})


def checked_tenant(tenant: object) -> str | None:
    """The tenant's name, checked; None for the operator.

    Raises:
        InvalidRequest: no tenant can have that name.
    """
    if tenant is None:
        return None
    if not isinstance(tenant, str):
        raise InvalidRequest("tenant", "must be a string")
    if not _TENANT.fullmatch(tenant):
        raise InvalidRequest("tenant", "must be 1 to 64 letters, digits and _ . -")
    return tenant


def checked_id(job_id: object) -> str:
    """The id, checked.

    Raises:
        InvalidRequest: no job can have it.
    """
    if not isinstance(job_id, str):
        raise InvalidRequest("job_id", "must be a string")
    if not _JOB_ID.fullmatch(job_id):
        raise InvalidRequest("job_id", "must be 1 to 64 letters, digits and _ . : -")
    return job_id


def refuse_unknown(given: Iterable[object], known: Iterable[str], *, of: str) -> None:
    """Refuse a name that is no argument of the method `of`, and say which one may be meant.

    Raises:
        InvalidRequest: names the first of them.
    """
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise InvalidRequest(str(name)[:_MOST_OF_A_NAME], f"is not an argument of {of}{hint}")


def takes_submission(submit: F) -> F:
    """Let `help` and editors show the arguments of a `submit`, which are those of `Submission`."""
    own = inspect.signature(submit)
    named = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if name in Submission.__required_keys__ else None,
            annotation=hint,
        )
        for name, hint in get_type_hints(Submission).items()
    ]
    others = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    told: Any = submit
    told.__signature__ = own.replace(parameters=[*others, *named])
    if submit.__doc__ and Submission.__doc__:
        listed = inspect.cleandoc(Submission.__doc__).partition("Attributes:")[2]
        told.__doc__ = f"{inspect.cleandoc(submit.__doc__)}\n\nArguments:{listed}"
    return submit


def jobs_from(
    drafts: Iterable[Draft], *, default_model: str, start: int, tenant: str | None = None
) -> tuple[list[Job], InvalidRequest | None]:
    """The jobs up to the first draft that is not valid, and the error of that one.

    Args:
        drafts: a portion of a stream.
        default_model: for drafts that name none.
        start: position of the portion's first draft in the stream.
        tenant: as for `job_from`.
    """
    jobs: list[Job] = []
    for draft in drafts:
        try:
            jobs.append(job_from(draft, default_model=default_model, tenant=tenant))
        except InvalidRequest as fault:
            field = ".".join(filter(None, (str(start + len(jobs)), fault.field)))
            return jobs, type(fault)(field, fault.reason)
    return jobs, None


Portion = tuple[list[Draft], Exception | None]
"""Drafts that are recorded at once, and the error that the stream raised after them."""


def next_portion(stream: Iterator[Draft]) -> Portion:
    """The next drafts of a stream; none when there are no more."""
    portion: list[Draft] = []
    try:
        for draft in islice(stream, CALL_JOBS):
            portion.append(draft)  # noqa: PERF402  the drafts before a fault are kept
    except Exception as fault:  # noqa: BLE001  the caller's own, to be raised again
        return portion, fault
    return portion, None


async def portions_of(
    drafts: Iterable[Draft] | AsyncIterable[Draft],
) -> AsyncIterator[Portion]:
    """The drafts in portions, until there are no more, or the stream raises."""
    if not isinstance(drafts, AsyncIterable):
        stream = iter(drafts)
        while True:
            portion, fault = next_portion(stream)
            if portion or fault:
                yield portion, fault
            if fault or len(portion) < CALL_JOBS:
                return
    portion = []
    try:
        async for draft in drafts:
            portion.append(draft)
            if len(portion) == CALL_JOBS:
                yield portion, None
                portion = []
    except Exception as fault:  # noqa: BLE001  the caller's own, to be raised again
        yield portion, fault
        return
    if portion:
        yield portion, None


def _as_spelt(fault: InvalidRequest) -> InvalidRequest:
    """The error with the argument's name, if the field has another."""
    field = "job_id" if fault.field == "id" else fault.field.removeprefix("request.")
    return type(fault)(field, fault.reason)


def _refuse_others(draft: object) -> None:
    if not isinstance(draft, Mapping):
        reason = "must be a mapping of the arguments of submit, a RerankRequest or a Job"
        raise InvalidRequest("", reason)
