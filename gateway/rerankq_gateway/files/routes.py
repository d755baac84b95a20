"""The routes of files, as OpenAI has them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse

from rerankq.contract import Scope
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.duties import Duty
from rerankq_gateway.files.described import CONTENT, DELETED, FILE, FILES, UPLOADING
from rerankq_gateway.files.directory import Directory
from rerankq_gateway.files.ranges import wanted
from rerankq_gateway.files.shown import file_fields, file_object, page
from rerankq_gateway.files.store import FileStore
from rerankq_gateway.files.uploading import Uploading
from rerankq_gateway.parts import Parts
from rerankq_gateway.places import Placed

MOST_LISTED: Final = 10_000
_EXPIRY_SECONDS: Final = 60.0

Reader = Annotated[HotRequest, needs(Scope.READ)]
Submitter = Annotated[HotRequest, needs(Scope.SUBMIT)]
FileId = Annotated[
    str, Path(description="The file's id.", examples=["file-3f2a9c0d5b7e41d68f1c2a3b4d5e6f70"])
]


def store_of(parts: Parts) -> FileStore:
    """Where this gateway keeps files."""
    return Directory(parts.settings.files_dir, most=parts.settings.files_bytes)


def routes(parts: Parts) -> APIRouter:
    """Listing, reading and deleting."""
    router = APIRouter(tags=["Files"])
    store = store_of(parts)

    @router.get("/v1/files", summary="List files", responses=FILES, response_model=None)
    async def listed(
        request: Reader,
        after: Annotated[str | None, Query(description="The last id of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = MOST_LISTED,
        order: Literal["asc", "desc"] = "desc",
        purpose: Annotated[str | None, Query(description="Only files for this purpose.")] = None,
    ) -> Response:
        """The uploaded files, the newest first. Files with results are not listed."""
        files = parts.client_for(request.principal).files
        found: list[dict[str, Any]] = []
        has_more = False
        async for record in files.list(after=after, ascending=order == "asc", purpose=purpose):
            has_more = len(found) == limit
            if has_more:
                break
            found.append(file_fields(record))
        return _json(page(found, has_more=has_more))

    @router.get("/v1/files/{file_id}", summary="A file", responses=FILE, response_model=None)
    async def known(request: Reader, file_id: FileId) -> Response:
        """What is known of a file."""
        files = parts.client_for(request.principal).files
        return _json(file_object(await files.get(file_id)))

    @router.delete(
        "/v1/files/{file_id}", summary="Delete a file", responses=DELETED, response_model=None
    )
    async def delete(request: Submitter, file_id: FileId) -> Response:
        """Delete a file. A batch that was made from it goes on, once its lines were read."""
        files = parts.client_for(request.principal).files
        await files.remove(file_id)
        await store.delete(file_id)
        return _json(orjson.dumps({"id": file_id, "object": "file", "deleted": True}))

    @router.get(
        "/v1/files/{file_id}/content",
        summary="A file's bytes",
        responses=CONTENT,
        response_class=Response,
        response_model=None,
    )
    async def content(request: Reader, file_id: FileId) -> Response:
        """The bytes as they were uploaded; a `Range` of them goes on with a cut download."""
        parts.streams.check()
        files = parts.client_for(request.principal).files
        record = await files.get(file_id)
        etag = f'"{record.sha256}"'
        part = wanted(request.headers, size=record.bytes, etag=etag)
        portions = store.read(file_id, part.start, part.end)
        first = await anext(portions, b"")  # an error can still be answered now

        async def sent() -> AsyncIterator[bytes]:
            async with aclosing(portions):
                yield first
                async for data in portions:
                    yield data

        headers = part.headers(etag) | {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(record.filename, safe='')}"
        }
        answer = StreamingResponse(
            sent(), part.status, headers=headers, media_type="application/octet-stream"
        )
        return Placed(answer, parts.streams, request)

    return router


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """The upload."""
    return {("POST", "/v1/files"): Uploading(parts, store_of(parts))}


def described() -> Mapping[str, Any]:
    """The hot route for OpenAPI."""
    return {"/v1/files": UPLOADING}


def duties(parts: Parts) -> list[Duty]:
    """Deleting what has expired."""
    store = store_of(parts)

    async def step() -> None:
        await store.delete_expired()

    return [Duty("files that have expired", step, _EXPIRY_SECONDS)]


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
