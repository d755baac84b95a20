"""Fills batches from uploaded files, and goes on where another gateway was killed."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.contract import MAX_JOB_BYTES, BatchStatus
from rerankq.errors import (
    BatchClosed,
    BatchNotFound,
    LedgerUnavailable,
    QueueFull,
    RerankqError,
    UnknownFile,
)
from rerankq_gateway.batches.note import Note
from rerankq_gateway.batches.openai import is_late
from rerankq_gateway.batches.request_line import CustomIds, Repeats, job_name, request_line
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.store import FileStore
from rerankq_gateway.lines import BadLine, Check, Line, UnreadableLines, lines
from rerankq_gateway.parts import Parts

log = logging.getLogger(__name__)

MOST_SHOWN: Final = 50
"""So many bad lines a batch shows."""
SLICE_SECONDS: Final = 20.0
"""After so long one that fills a batch lets those of others have a turn."""
_KEEP_SECONDS: Final = 8.0
_TOGETHER: Final = 100
_LOOKED_AT: Final = 100
_PATIENCE_SECONDS: Final = 2.0


class Importer:
    """Does a portion of the work at a time.

    Args:
        parts: of the gateway.
        store: the files that this gateway has.
    """

    def __init__(self, parts: Parts, store: FileStore) -> None:
        self._parts = parts
        self._client: AsyncRerankClient = parts.client
        self._store = store

    async def step(self) -> None:
        """Fill one of the batches that wait for it, if there is one, for a while."""
        if self._parts.shutdown.began.is_set():
            return
        for batch_id in await self._client.imports.due(_LOOKED_AT):
            token = uuid.uuid4().hex
            try:
                status = await self._client.batch(batch_id).status()
            except BatchNotFound:
                await self._client.imports.take(batch_id, token)  # takes it off the list
                continue
            note = Note.of(status)
            if note is None or not await self._is_ours(note):
                continue
            if await self._client.imports.take(batch_id, token):
                await self._held(_Import(self._parts, self._store, status, note, token))
                return

    async def _is_ours(self, note: Note) -> bool:
        """Whether to take it: the file is here, or gone for good, which somebody must say."""
        if await self._store.has(note.file):
            return True
        try:
            await self._client.files.get(note.file)
        except UnknownFile:
            return True
        return False

    async def _held(self, work: "_Import") -> None:
        """Do it while the lease on it is kept; whoever loses that stops at once."""
        doing = asyncio.create_task(work.run())
        keeping = asyncio.create_task(work.keep())
        try:
            await asyncio.wait((doing, keeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (doing, keeping):
                if not task.done():
                    task.cancel()
            await asyncio.gather(doing, keeping, return_exceptions=True)
        if not doing.cancelled():
            doing.result()


class _Import:
    """The work for one batch."""

    def __init__(
        self, parts: Parts, store: FileStore, status: BatchStatus, note: Note, token: str
    ) -> None:
        client = parts.client.for_tenant(status.tenant)
        self._imports = parts.client.imports
        self._shutdown = parts.shutdown
        self._store = store
        self._status = status
        self._note = note
        self._token = token
        self._batch: AsyncBatch = client.batch(status.id)
        self._files = client.files
        self._until = time.monotonic() + SLICE_SECONDS

    async def keep(self) -> None:
        """Keep the lease until it is lost."""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            with suppress(LedgerUnavailable):
                if not await self._imports.keep(self._status.id, self._token):
                    return

    async def run(self) -> None:
        """Check the file unless that was done, then add its lines, from where it stopped."""
        batch_id = self._status.id
        if self._note.failed or self._status.sealed or self._status.cancelled_at:
            await self._end(cut=bool(self._note.failed))
        elif is_late(self._status):
            await self._end(cut=True)
        elif self._note.began or await self._is_good():
            if await self._fill():
                await self._end()
            else:
                await self._imports.give_back(batch_id, self._token)
        log.debug("batch %s: its file was worked on", batch_id)

    async def _is_good(self) -> bool:
        """Check all lines; if some are bad, the batch has failed, and nothing was submitted."""
        check = self._check()
        count, faults, bad = 0, 0, list[BadLine]()
        names = CustomIds()
        try:
            async for portion in self._lines():
                for line in portion:
                    found = line if isinstance(line, BadLine) else check(line)
                    if isinstance(found, BadLine):
                        faults += 1
                        bad += [found][: MOST_SHOWN - len(bad)]
                    else:
                        count += 1
                        names.add(str(found.head.get("custom")))
            if not faults and (suspects := names.repeated()):
                bad, faults = await self._repeats(suspects)
        except UnreadableLines as unreadable:
            faults, bad = faults + 1, [*bad, unreadable.bad][:MOST_SHOWN]
        except UnknownFile as gone:
            faults, bad = 1, [BadLine(0, "input_file_id", str(gone), gone.code)]
        if not faults and not count:
            faults, bad = 1, [BadLine(0, "input_file_id", "the file has no lines", "empty_file")]
        note = self._note.changed(lines=count)
        now = await self._imports.now()
        if not faults:
            self._note = note.changed(began=now)
            await self._keep_note()
            return True
        shown = tuple(_shown(each) for each in bad)
        self._note = note.changed(failed=now, errors=shown, faults=faults)
        await self._keep_note()
        # Its input is missing: so its webhooks are told `batch.failed`.
        await self._end(cut=True)
        return False

    async def _repeats(self, suspects: set[int]) -> tuple[list[BadLine], int]:
        repeats, bad, faults = Repeats(suspects), list[BadLine](), 0
        async for portion in self._lines():
            for line in portion:
                found = None if isinstance(line, BadLine) else repeats.fault(line)
                if found:
                    faults += 1
                    bad += [found][: MOST_SHOWN - len(bad)]
        return bad, faults

    async def _fill(self) -> bool:
        """Add the lines that are no entries yet; False when some are left for later."""
        check, skip, number = self._check(), self._status.total, 0
        # A line whose own idempotency key belongs to another request is an entry without a job.
        async with self._batch.feed(rejected=lambda _: None) as feed:
            async for portion in self._lines():
                added: list[BatchLine] = []
                for line in portion:
                    number += 1
                    if number > skip and isinstance(line, Line):
                        entry = check(line)
                        if not isinstance(entry, BadLine):
                            added.append(BatchLine(line.number, entry))
                if not await self._add(feed, added):
                    return False
        return True

    async def _add(self, feed: BatchFeed, added: list[BatchLine]) -> bool:
        """Add lines; False when this has to stop for now."""
        while added:
            if self._shutdown.began.is_set():
                return False
            ids, refusal = await feed.add(added, patience=_PATIENCE_SECONDS)
            if refusal is None:
                break
            if isinstance(refusal, BatchClosed | BatchNotFound):
                await self._end(cut=True)
                return False
            if not isinstance(refusal, QueueFull):
                raise refusal
            added = added[len(ids) :]
            if time.monotonic() > self._until:
                return False
        return time.monotonic() <= self._until

    def _check(self) -> Check:
        return request_line(
            self._batch.prepare,
            job_id=lambda line: job_name(self._status.id, line),
            endpoint=self._note.endpoint,
        )

    async def _lines(self) -> AsyncIterator[list[Line | BadLine]]:
        """The file's lines, in portions after which others have their turn.

        Raises:
            UnknownFile: the file was deleted, or has expired.
            UnreadableLines: it cannot be split into lines.
        """
        record = await self._files.get(self._note.file)
        try:
            chunks = self._store.read(record.id, 0, record.bytes)
            async for portion in lines(chunks, most_line=MAX_JOB_BYTES):
                for start in range(0, len(portion), _TOGETHER):
                    yield portion[start : start + _TOGETHER]
                    await asyncio.sleep(0)
        except GatewayError as error:
            if error.problem.status == _GONE:
                raise UnknownFile("the file was deleted while it was read") from None
            raise

    async def _keep_note(self) -> None:
        details = self._note.details()
        if not await self._imports.keep(self._status.id, self._token, details=details):
            raise RerankqError("another gateway has taken this import")

    async def _end(self, *, cut: bool = False) -> None:
        """Nothing more is added."""
        if not self._status.sealed:
            if cut:
                await self._batch.abandon()
            else:
                await self._batch.seal()
        await self._imports.end(self._status.id, self._token)


_GONE: Final = 404


def _shown(bad: BadLine) -> dict[str, object]:
    """A bad line as OpenAI shows it."""
    said = f"{bad.field}: {bad.reason}" if bad.field else bad.reason
    return {
        "code": bad.code,
        "line": bad.line or None,
        "message": f"line {bad.line}: {said}" if bad.line else said,
        "param": bad.field or None,
    }
