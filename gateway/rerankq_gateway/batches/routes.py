"""The routes of batches: OpenAI's, and those that only we have."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from rerankq.client import AsyncBatch
from rerankq.contract import BatchStatus
from rerankq_gateway.asgi import HotHandler
from rerankq_gateway.batches import openai, ours
from rerankq_gateway.batches.cancelling import Cancelling
from rerankq_gateway.batches.creating import Creating
from rerankq_gateway.batches.described import (
    BATCH,
    BATCHES,
    CREATING,
    NOT_DELETED,
    OUTPUT_CONTENT,
    OUTPUT_FILE,
)
from rerankq_gateway.batches.downloads import Document, Downloads, ended, is_known
from rerankq_gateway.batches.importer import Importer
from rerankq_gateway.batches.note import Note
from rerankq_gateway.batches.output import Form, error_line, output_line
from rerankq_gateway.batches.shown import Acting, BatchId, Reader, Submitter, as_json, shown
from rerankq_gateway.duties import Duty
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files import store_of
from rerankq_gateway.files.shown import page
from rerankq_gateway.parts import Parts
from rerankq_gateway.places import Placed

MOST_LISTED: Final = 100
IMPORTS_AT_ONCE: Final = 3
_LOOK_SECONDS: Final = 0.5
_CONFLICT: Final = 409
_OCTETS: Final = "application/octet-stream"


def routes(parts: Parts) -> APIRouter:
    """The routes that FastAPI serves."""
    router = APIRouter(tags=["Batches"])
    _add_openai(router, parts)
    ours.add_to(router, parts)
    _add_files(router, parts)
    return router


def _add_openai(router: APIRouter, parts: Parts) -> None:
    cancelling = Cancelling()

    @router.get("/v1/batches", summary="List batches", responses=BATCHES, response_model=None)
    async def listed(
        request: Reader,
        after: Annotated[str | None, Query(description="The last id of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 20,
    ) -> Response:
        """The batches, the newest first."""
        client = parts.client_for(request.principal)
        found = [each async for each in client.batches(after=after, limit=limit + 1)]
        objects = [openai.batch_object(each) for each in found[:limit]]
        return as_json(page(objects, has_more=len(found) > limit))

    @router.get(
        "/v1/batches/{batch_id}", summary="How a batch stands", responses=BATCH, response_model=None
    )
    async def known(
        request: Reader,
        batch_id: BatchId,
        *,
        why: Annotated[bool, Query(description="Whether to say why it waits.")] = False,
    ) -> Response:
        """OpenAI's fields, and under `rerankq` exact counts by state, speed and times."""
        batch = parts.client_for(request.principal).batch(batch_id)
        return shown(await batch.status(why=why))

    @router.post(
        "/v1/batches/{batch_id}/cancel",
        summary="Cancel a batch",
        responses=BATCH,
        response_model=None,
    )
    async def cancel(request: Acting, batch_id: BatchId) -> Response:
        """None of its jobs begins any more. What has ended stays as it is."""
        batch = parts.client_for(request.principal).batch(batch_id)
        async with parts.audited(request.principal, "batch.cancel", batch_id):
            await cancelling.cancel(batch)
        return shown(await batch.status())


def _add_files(router: APIRouter, parts: Parts) -> None:
    store, downloads = store_of(parts), Downloads()

    async def document(batch: AsyncBatch, status: BatchStatus, form: Form) -> Document:
        note = Note.of(status)
        is_errors = form is error_line
        word = openai.status_of(status, note)
        ended(status, has_ended=word not in _GOING)
        there = openai.missing(status, note) > 0 if is_errors else openai.has_output(status)
        name = (openai.ERRORS if is_errors else openai.OUTPUT) + status.id
        is_known(status, there=there, file_id=name)
        is_gone = bool(
            is_errors and note and openai.unfed(status, note) and not await store.has(note.file)
        )
        return Document(batch, status, form, store, without_input=is_gone)

    def add(prefix: str, form: Form, word: str) -> None:
        @router.get(
            f"/v1/files/{prefix}{{batch_id}}",
            summary=f"The {word} file of a batch",
            responses=OUTPUT_FILE,
            response_model=None,
            tags=["Files"],
            operation_id=f"{word}_file",
        )
        async def known(request: Reader, batch_id: BatchId) -> Response:
            """What is known of it. Its size is counted by reading it."""
            batch = parts.client_for(request.principal).batch(batch_id)
            status = await batch.status()
            size = await downloads.size(await document(batch, status, form))
            return as_json(orjson.dumps(_file_object(prefix, status, word, size)))

        @router.get(
            f"/v1/files/{prefix}{{batch_id}}/content",
            summary=f"The {word} file's lines",
            responses=OUTPUT_CONTENT,
            response_class=Response,
            response_model=None,
            tags=["Files"],
            operation_id=f"{word}_file_content",
        )
        async def content(request: Reader, batch_id: BatchId) -> Response:
            """A line of JSON for each job; a `Range` of it goes on with a cut download."""
            parts.streams.check()
            batch = parts.client_for(request.principal).batch(batch_id)
            found = await document(batch, await batch.status(), form)
            answer = await downloads.answer(found, request.headers, media_type=_OCTETS)
            return Placed(answer, parts.streams, request)

        @router.delete(
            f"/v1/files/{prefix}{{batch_id}}",
            summary=f"Why the {word} file stays",
            status_code=_CONFLICT,
            responses=NOT_DELETED,
            response_model=None,
            tags=["Files"],
            operation_id=f"delete_{word}_file",
        )
        async def delete(request: Submitter, batch_id: BatchId) -> Response:
            """It is read from its batch, so it is there as long as the batch."""
            batch = parts.client_for(request.principal).batch(batch_id)
            await document(batch, await batch.status(), form)
            raise GatewayError(
                *(_CONFLICT, "file_of_batch"),
                f"{prefix}{batch_id} was not deleted: it is read from its batch, and goes with it",
            )

    add(openai.OUTPUT, output_line, "output")
    add(openai.ERRORS, error_line, "error")


_GOING: Final = frozenset({"validating", "in_progress", "cancelling"})


def _file_object(prefix: str, status: BatchStatus, word: str, size: int) -> dict[str, Any]:
    at = status.ended_at or status.deadline_at or status.created_at
    return {
        "id": prefix + status.id,
        "object": "file",
        "bytes": size,
        "created_at": int(at),
        "expires_at": None if status.kept_until is None else int(status.kept_until),
        "filename": f"{status.id}_{word}.jsonl",
        "purpose": "batch_output",
        "status": "processed",
        "status_details": None,
    }


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """Opening a batch."""
    return {("POST", "/v1/batches"): Creating(parts)}


def described() -> Mapping[str, Any]:
    """The hot route for OpenAPI."""
    return {"/v1/batches": CREATING}


def duties(parts: Parts) -> list[Duty]:
    """Filling batches from files, a few at a time."""
    importer = Importer(parts, store_of(parts))
    return [
        Duty(f"filling batches from files ({number})", importer.step, _LOOK_SECONDS)
        for number in range(1, IMPORTS_AT_ONCE + 1)
    ]
