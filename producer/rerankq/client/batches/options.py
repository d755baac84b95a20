"""How a batch is opened: the arguments of `client.batch()` and `client.open_batch()`."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from pydantic import TypeAdapter, ValidationError

from rerankq.client.drafts import refuse_unknown
from rerankq.contract import BatchOptions, Callback
from rerankq.contract.job import BatchId
from rerankq.errors import InvalidRequest


class BatchArguments(TypedDict, total=False):
    """How a batch is opened.

    Attributes:
        metadata: at most 16 short strings that come back with the batch.
        deadline_seconds: when, from its opening on, all its jobs must have ended: those that have
            not expire, and none is added any more.
        kept_seconds: how long it is kept, and its results until they are released;
            `RERANKQ_BATCH_TTL` when absent.
        expected: how many jobs it will have, if that is known: for the time left, and its progress.
        callbacks: who is told of its end, at most 8: each `{"webhook": id}`, or
            `{"task": name, "queue": name}` for a Celery task (docs/webhooks.md).
        budget: what its jobs may cost together: tokens, such as `"5000000"`, or money at the prices
            of models, such as `"12.50 USD"` (docs/cost.md).
        details: what a program that serves the batch notes for itself, at most 8 KiB of JSON.
    """

    metadata: Mapping[str, str] | None
    deadline_seconds: float | None
    kept_seconds: float | None
    expected: int | None
    callbacks: Sequence[Callback | Mapping[str, str]] | None
    budget: str | None
    details: Mapping[str, Any] | None


_ID: Final[TypeAdapter[str]] = TypeAdapter(BatchId)


def options_from(arguments: Mapping[str, Any]) -> BatchOptions:
    """The options, checked.

    Raises:
        InvalidRequest: names the offending field, also one that there is not.
    """
    refuse_unknown(arguments, BatchArguments.__annotations__, of="open_batch")
    return BatchOptions.parse({name: each for name, each in arguments.items() if each is not None})


def named_batch(
    batch_id: str | None, arguments: Mapping[str, Any]
) -> tuple[str, BatchOptions | None]:
    """The id of a batch, and how it is opened; None for one that was opened earlier.

    Raises:
        InvalidRequest: names the offending option, or no batch can have that id.
    """
    if batch_id is None:
        return f"batch-{uuid.uuid4()}", options_from(arguments)
    if not arguments:
        return batch_id, None
    try:
        return _ID.validate_python(batch_id, strict=True), options_from(arguments)
    except ValidationError:
        reason = "must be 1 to 100 letters, digits and _ . -"
        raise InvalidRequest("batch_id", reason) from None
