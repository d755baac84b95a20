"""`POST /v1/files`: takes a file in, as OpenAI's clients send it."""

import re
from collections.abc import AsyncIterator
from typing import Final

from rerankq.client.files import new_file_id
from rerankq.contract import Scope
from rerankq.errors import RerankqError
from rerankq.events import FileUploaded
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.body import chunks
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.multipart import Event, Part, boundary_of, events
from rerankq_gateway.files.shown import PURPOSE, file_object
from rerankq_gateway.files.store import FileStore, StoredFile
from rerankq_gateway.parts import Parts

SHORTEST_SECONDS: Final = 3600
LONGEST_SECONDS: Final = 2_592_000
"""OpenAI's bounds of `expires_after[seconds]`."""
_MOST_VALUE: Final = 4096
_FORM_BYTES: Final = 64 * 1024
"""So much more than its file a form may have."""
_MOST_NAME: Final = 255
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Uploading:
    """Serves the upload of a file.

    Args:
        parts: of the gateway.
        store: keeps the bytes.
    """

    def __init__(self, parts: Parts, store: FileStore) -> None:
        self._parts = parts
        self._store = store

    async def __call__(self, request: HotRequest) -> None:
        """Take the file in, and answer with what is known of it."""
        request.demand(Scope.SUBMIT)
        boundary = boundary_of(request.headers.get(b"content-type", b""))
        form = Form(self._store, most=self._parts.settings.max_upload)
        most = self._parts.settings.max_upload + _FORM_BYTES
        try:
            with self._parts.uploads.taken():
                await form.read(events(chunks(request, most=most), boundary))
                content = await self._noted(request, form)
        except BaseException:
            if form.file_id:
                await self._store.delete(form.file_id)
            raise
        await request.answer(200, content)

    async def _noted(self, request: HotRequest, form: "Form") -> bytes:
        stored, kept = form.checked(default=self._parts.settings.files_ttl)
        await self._store.keep(form.file_id, kept)
        files = self._parts.client_for(request.principal).files
        record = await files.add(
            form.file_id,
            filename=form.filename,
            size=stored.size,
            sha256=stored.sha256,
            purpose=form.fields["purpose"],
            kept_seconds=kept,
        )
        events = self._parts.client.events
        if FileUploaded in events.wanted:
            events.tell(FileUploaded(size=stored.size))
        return file_object(record)


class Form:
    """The form of an upload, as it is read.

    Args:
        store: keeps the file.
        most: most bytes of the file.

    Attributes:
        file_id: the new file's; empty before the file began.
        filename: the uploader's name for it.
        stored: the file, once it is whole.
        fields: the other parts.
    """

    def __init__(self, store: FileStore, *, most: int) -> None:
        self._store = store
        self._most = most
        self.file_id = ""
        self.filename = ""
        self.stored: StoredFile | None = None
        self.fields: dict[str, str] = {}

    async def read(self, found: AsyncIterator[Event]) -> None:
        """Read all parts; the file is kept as its bytes come.

        Raises:
            GatewayError: a part is wrong, or the file is too large.
        """
        async for event in found:
            if not isinstance(event, Part):
                continue
            if event.name == "file":
                await self._keep(event, found)
            else:
                value = b"".join([data async for data in _data(found, most=_MOST_VALUE)])
                self.fields[event.name] = value.decode("utf-8", "replace").strip()

    def checked(self, *, default: float) -> tuple[StoredFile, float]:
        """Check the form; returns the file, and for how many seconds it is kept.

        Raises:
            GatewayError: 400, names the part that is wrong.
        """
        if self.stored is None:
            raise _wrong("file", "is missing: send the file as a part of that name")
        if not self.stored.size:
            raise _wrong("file", "is empty")
        if self.fields.get("purpose") != PURPOSE:
            raise _wrong("purpose", f"must be `{PURPOSE}`, the only use of files here")
        return self.stored, self._kept_seconds(default)

    def _kept_seconds(self, default: float) -> float:
        anchor = self.fields.get("expires_after[anchor]")
        seconds = self.fields.get("expires_after[seconds]")
        if anchor is None and seconds is None:
            return default
        if anchor not in (None, "created_at"):
            raise _wrong("expires_after[anchor]", "must be `created_at`")
        if not seconds or not seconds.isdecimal() or len(seconds) > _MOST_NAME:
            raise _wrong("expires_after[seconds]", "must be a number of seconds")
        if not SHORTEST_SECONDS <= int(seconds) <= LONGEST_SECONDS:
            raise _wrong(
                "expires_after[seconds]",
                f"must be from {SHORTEST_SECONDS:,} to {LONGEST_SECONDS:,}",
            )
        return int(seconds)

    async def _keep(self, part: Part, found: AsyncIterator[Event]) -> None:
        if self.file_id:
            raise _wrong("file", "comes twice: upload one file at a time")
        self.filename = _named(part.filename)
        self.file_id = new_file_id()
        self.stored = await self._store.put(self.file_id, _data(found), most=self._most)


async def _data(found: AsyncIterator[Event], *, most: int | None = None) -> AsyncIterator[bytes]:
    """The bytes of the part that has begun."""
    size = 0
    async for event in found:
        if not isinstance(event, bytes):
            return
        size += len(event)
        if most is not None and size > most:
            raise GatewayError(
                400, "invalid_body", f"a part that is no file has more than {most:,} bytes"
            )
        yield event


def _named(filename: str | None) -> str:
    """A file's name without folders and without what could harm a terminal or a header."""
    name = _CONTROL.sub("", (filename or "").replace("\\", "/").rpartition("/")[2])
    return name[:_MOST_NAME] or "file.jsonl"


def _wrong(part: str, reason: str) -> RerankqError:
    return GatewayError(400, "invalid_request", f"{part}: {reason}", param=part)
