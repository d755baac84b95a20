"""Files with the results of a batch that has ended; they are read from the ledger each time.

Their bytes are the same each time, so a download that was cut can go on.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Final

from fastapi.responses import StreamingResponse

from rerankq.client import AsyncBatch
from rerankq.client.line_forms import custom_id_of, parsed
from rerankq.contract import MAX_JOB_BYTES, BatchStatus
from rerankq.errors import InvalidRequest, UnknownFile
from rerankq_gateway.batches.note import Note
from rerankq_gateway.batches.openai import unfed
from rerankq_gateway.batches.output import Form, Portion, error_line, portions, unfed_line
from rerankq_gateway.batches.request_line import job_name
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.ranges import Wanted, wanted, wants_part
from rerankq_gateway.files.store import FileStore
from rerankq_gateway.lines import lines

MOST_KNOWN: Final = 100
"""Documents whose size is remembered."""
NDJSON: Final = "application/x-ndjson"


class Places:
    """Where in the bytes of a document its entries begin: a place for each portion.

    Attributes:
        size: of the document; None before all of it was read.
    """

    def __init__(self) -> None:
        self._offsets = [0]
        self._positions = [0]
        self.size: int | None = None

    def note(self, next_position: int, offset: int) -> None:
        """Note where the entry of that position begins."""
        if offset > self._offsets[-1]:
            self._offsets.append(offset)
            self._positions.append(next_position)

    def before(self, offset: int) -> tuple[int, int]:
        """The position of an entry that begins at this byte or before it, and where."""
        at = bisect_right(self._offsets, offset) - 1
        return self._positions[at], self._offsets[at]


class Document:
    """One file with results.

    Args:
        batch: whose results they are; it has ended.
        status: of the batch.
        form: of the lines.
        store: has the batch's input, for lines that never became jobs.
        without_input: whether there are such lines, and the input is gone.
    """

    def __init__(
        self,
        batch: AsyncBatch,
        status: BatchStatus,
        form: Form,
        store: FileStore,
        *,
        without_input: bool = False,
    ) -> None:
        self._batch = batch
        self._status = status
        self._form = form
        self._store = store
        ended = int((status.ended_at or status.deadline_at or 0) * 1000)
        gone = "-without-input" if without_input else ""
        self.etag = f'"{form.__name__}-{status.id}-{ended}-{status.total}{gone}"'  # type: ignore[attr-defined]

    async def read(self, start: int = 0) -> AsyncGenerator[Portion, None]:
        """The lines from a position on."""
        if start < self._status.total:
            async with aclosing(portions(self._batch, self._form, start=start)) as found:
                async for portion in found:
                    yield portion
        if self._form is error_line:
            async with aclosing(self._unfed()) as rest:
                async for line in rest:
                    yield Portion(self._status.total, line)

    async def _unfed(self) -> AsyncGenerator[bytes, None]:
        """The lines of the input that never became jobs."""
        note = Note.of(self._status)
        if note is None or not unfed(self._status, note):
            return
        size = await self._store.size(note.file)
        number, is_cancelled = 0, bool(self._status.cancelled_at)
        if size is None:
            return  # it was deleted: nobody knows the names of its lines any more
        async with aclosing(self._store.read(note.file, 0, size)) as chunks:
            async for portion in lines(chunks, most_line=MAX_JOB_BYTES):
                for line in portion:
                    number += 1
                    if number > self._status.total:
                        name = job_name(self._status.id, line[0])
                        custom_id = _custom_id(line[1])
                        yield unfed_line(name, custom_id, is_cancelled=is_cancelled)


def _custom_id(content: object) -> str | None:
    try:
        return custom_id_of(parsed(content if isinstance(content, bytes) else None))
    except InvalidRequest:
        return None


class Downloads:
    """Sends documents, and remembers for parts of them where their entries begin."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Places] = OrderedDict()

    async def size(self, document: Document) -> int:
        """How many bytes it has; it is read once for that."""
        places = self._places(document)
        if places.size is None:
            async for _ in self._read(document, places):
                pass
        return places.size or 0

    async def answer(
        self, document: Document, headers: Mapping[bytes, bytes], *, media_type: str = NDJSON
    ) -> StreamingResponse:
        """The document, or the part of it that the request's headers ask for.

        Raises:
            GatewayError: 416, the part lies behind its end.
        """
        places = self._places(document)
        if not wants_part(headers, document.etag):
            whole = self._read(document, places)
            first = await anext(whole, b"")  # an error can still be answered now
            sent = {"accept-ranges": "bytes", "etag": document.etag}
            return StreamingResponse(after(first, whole), headers=sent, media_type=media_type)
        size = await self.size(document)
        part = wanted(headers, size=size, etag=document.etag)
        return StreamingResponse(
            self._part(document, places, part),
            part.status,
            headers=part.headers(document.etag),
            media_type=media_type,
        )

    def _places(self, document: Document) -> Places:
        places = self._known.setdefault(document.etag, Places())
        self._known.move_to_end(document.etag)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return places

    async def _read(self, document: Document, places: Places) -> AsyncGenerator[bytes, None]:
        """All of it, while its places are noted."""
        offset = 0
        async with aclosing(document.read()) as found:
            async for portion in found:
                offset += len(portion.content)
                places.note(portion.next, offset)
                if portion.content:
                    yield portion.content
        places.size = offset

    async def _part(
        self, document: Document, places: Places, part: Wanted
    ) -> AsyncGenerator[bytes, None]:
        position, offset = places.before(part.start)
        async with aclosing(document.read(position)) as found:
            async for portion in found:
                content = portion.content[max(0, part.start - offset) : part.end - offset]
                offset += len(portion.content)
                if content:
                    yield content
                if offset >= part.end:
                    return


async def after(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """A portion that was read already, and the rest."""
    async with aclosing(rest):
        if first:
            yield first
        async for content in rest:
            yield content


def ended(status: BatchStatus, *, has_ended: bool) -> None:
    """Refuse what only a batch that has ended has.

    Raises:
        GatewayError: 409.
    """
    if not has_ended:
        raise GatewayError(
            409,
            "batch_not_ended",
            f"{status.id} has not ended, so this file is not whole yet: ask again later, or read "
            f"/v1/batches/{status.id}/results",
            can_retry=True,
            retry_after=5.0,
        )


def is_known(status: BatchStatus, *, there: bool, file_id: str) -> None:
    """Refuse a file with results that would be empty: the batch does not name it.

    Raises:
        UnknownFile: it would be empty.
    """
    if not there:
        raise UnknownFile(f"no file has the id {file_id}: {status.id} has no such results")
