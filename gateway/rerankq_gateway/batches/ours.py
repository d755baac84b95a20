"""The routes of batches that OpenAI does not have."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from rerankq.client import AsyncBatch
from rerankq.contract import JobError
from rerankq.errors import JobEnded, RerankqError
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.idempotency import of_batch
from rerankq_gateway.batches import openai
from rerankq_gateway.batches.adding import add_jobs
from rerankq_gateway.batches.described import ADDED, ADDING, BATCH, EVENTS, LINES, RETRYING
from rerankq_gateway.batches.downloads import NDJSON, Document, Downloads, after
from rerankq_gateway.batches.output import portions, result_line
from rerankq_gateway.batches.progress import event_id, events
from rerankq_gateway.batches.shown import Acting, BatchId, Reader, Submitter, as_json, shown
from rerankq_gateway.files import store_of
from rerankq_gateway.parts import Parts
from rerankq_gateway.places import Placed

MOST_START: Final = 2**53
Start = Annotated[
    int,
    Query(ge=0, le=MOST_START, description="The position of the first that is wanted."),
]
Responses = dict[int | str, dict[str, Any]]
Served = Callable[..., Coroutine[Any, Any, Response]]
Route = Callable[[Served], Served]
_NO_CONTENT: Final = 204


def add_to(router: APIRouter, parts: Parts) -> None:
    """Add the routes."""
    _add_controls(router, parts)
    _add_reading(router, parts)


def _add_controls(router: APIRouter, parts: Parts) -> None:
    def batch_of(request: HotRequest, batch_id: str) -> AsyncBatch:
        return parts.client_for(request.principal).batch(batch_id)

    def post(
        name: str,
        summary: str,
        responses: Responses = BATCH,
        request: dict[str, Any] | None = None,
    ) -> Route:
        return router.post(
            f"/v1/batches/{{batch_id}}/{name}",
            summary=summary,
            responses=responses,
            response_model=None,
            openapi_extra=request,
        )

    @post("jobs", "Add jobs to a batch", ADDING, ADDED)
    async def jobs(request: Submitter, batch_id: BatchId) -> Response:
        """The body is JSONL, or a JSON array; nothing is added when a line is no job."""
        batch = batch_of(request, batch_id)
        await batch.status()
        with parts.uploads.taken():
            told = await add_jobs(request, batch, most=parts.settings.max_upload)
        answer = as_json(orjson.dumps(told))
        if b"idempotency-key" in request.headers:
            name, value = of_batch(parts.settings, await batch.status())
            answer.headers[name.decode()] = value.decode()
        return answer

    @post("seal", "Say that nothing more is added")
    async def seal(request: Submitter, batch_id: BatchId) -> Response:
        """The batch ends when all its jobs have ended."""
        batch = batch_of(request, batch_id)
        await batch.status()
        await batch.seal()
        return shown(await batch.status())

    @post("pause", "Pause a batch")
    async def pause(request: Acting, batch_id: BatchId) -> Response:
        """None of its jobs begins; those that run go on."""
        batch = batch_of(request, batch_id)
        async with parts.audited(request.principal, "batch.pause", batch_id):
            await batch.pause()
        return shown(await batch.status())

    @post("resume", "Let a batch go on")
    async def resume(request: Acting, batch_id: BatchId) -> Response:
        """Its jobs are queued again."""
        batch = batch_of(request, batch_id)
        async with parts.audited(request.principal, "batch.resume", batch_id):
            await batch.resume()
        return shown(await batch.status())

    @post("retry", "Submit the failed jobs again", RETRYING)
    async def retry(
        request: Acting,
        batch_id: BatchId,
        reason: Annotated[
            list[str] | None, Query(description="Only jobs that failed so; may come often.")
        ] = None,
    ) -> Response:
        """They become the jobs of a new batch. Safe to repeat: none is submitted twice."""
        async with parts.audited(request.principal, "batch.retry", batch_id):
            done = await batch_of(request, batch_id).resubmit_failed(reasons=reason or ())
        new = None if done.batch is None else openai.batch_object(await done.batch.status())
        told = {"batch": new, "submitted": done.submitted, "missing": list(done.missing)}
        return as_json(orjson.dumps(told))


def _add_reading(router: APIRouter, parts: Parts) -> None:
    store, downloads = store_of(parts), Downloads()

    def placed(answer: Response, request: HotRequest) -> Response:
        return Placed(answer, parts.streams, request)

    @router.get(
        "/v1/batches/{batch_id}/results",
        summary="The results of a batch",
        responses=LINES,
        response_class=Response,
        response_model=None,
    )
    async def results(
        request: Reader,
        batch_id: BatchId,
        start: Start = 0,
        *,
        wait: Annotated[
            bool, Query(description="Send each as its job ends, in the order of the batch.")
        ] = False,
    ) -> Response:
        """A line of JSON for each job that has ended, in the order of the batch.

        Once the batch has ended, a `Range` goes on with a cut download. Before that, `start` does:
        it is one more than the `position` of the last line.
        """
        parts.streams.check()
        batch = parts.client_for(request.principal).batch(batch_id)
        status = await batch.status()
        if openai.is_over(status) and start == 0:
            document = Document(batch, status, result_line, store)
            return placed(await downloads.answer(document, request.headers), request)
        sent = contents_of(batch, start, wait=wait)
        first = await anext(sent, b"") if not wait else b""
        return placed(StreamingResponse(after(first, sent), media_type=NDJSON), request)

    @router.get(
        "/v1/batches/{batch_id}/failures",
        summary="The failed jobs of a batch",
        responses=LINES,
        response_class=Response,
        response_model=None,
    )
    async def failures(request: Reader, batch_id: BatchId, start: Start = 0) -> Response:
        """A line of JSON for each, with the reason, in the order they failed."""
        parts.streams.check()
        batch = parts.client_for(request.principal).batch(batch_id)
        await batch.status()
        return placed(StreamingResponse(failures_of(batch, start), media_type=NDJSON), request)

    @router.get(
        "/v1/batches/{batch_id}/events",
        summary="How a batch goes on",
        responses=EVENTS,
        response_class=Response,
        response_model=None,
    )
    async def progress(request: Reader, batch_id: BatchId) -> Response:
        """Server-sent events: `status` each time that the batch has changed, then `ended`."""
        parts.streams.check()
        batch = parts.client_for(request.principal).batch(batch_id)
        status = await batch.status()
        last_id = request.headers.get(b"last-event-id", b"").decode("latin-1")
        if status.state.ended and last_id == event_id(status):
            # Browsers come back after the end, until they are told so.
            return Response(status_code=_NO_CONTENT)
        return placed(events(batch, last_id), request)


async def contents_of(batch: AsyncBatch, start: int, *, wait: bool) -> AsyncGenerator[bytes, None]:
    """The results from a position on, as lines of JSON."""
    async with aclosing(portions(batch, result_line, start=start, wait=wait)) as found:
        async for portion in found:
            yield portion.content


async def failures_of(batch: AsyncBatch, start: int) -> AsyncGenerator[bytes, None]:
    """The failed jobs from a position on, as lines of JSON."""
    async with aclosing(batch.failure_portions(start=start)) as found:
        async for results in found:
            yield b"".join(
                orjson.dumps(
                    {
                        "position": each.position,
                        "job_id": each.job_id,
                        "custom_id": each.custom_id,
                        "state": each.state,
                        "attempts": each.attempts,
                        "error": _error(each.end),
                    },
                    option=orjson.OPT_APPEND_NEWLINE,
                )
                for each in results
            )


def _error(end: object) -> dict[str, Any] | None:
    match end:
        case JobError():
            return end.model_dump(exclude_none=True)
        case JobEnded():
            return JobError.of(end).model_dump(exclude_none=True)
        case RerankqError():
            return {"code": end.code, "message": str(end)}
    return None
