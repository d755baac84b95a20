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
from rerankq.client.prepared import PreparedJob
from rerankq.contract import BatchStatus
from rerankq.errors import (
    BatchClosed,
    BatchNotFound,
    LedgerUnavailable,
    QueueFull,
    RerankqError,
    UnknownFile,
)
from rerankq.events import ImportBegan, ImportEnded
from rerankq_gateway.batches.checked import CheckedJobs
from rerankq_gateway.batches.faults import Faults
from rerankq_gateway.batches.file_lines import file_lines
from rerankq_gateway.batches.note import Note
from rerankq_gateway.batches.openai import is_late
from rerankq_gateway.batches.request_line import CustomIds, Repeats, job_name, request_line
from rerankq_gateway.files.store import FileStore
from rerankq_gateway.lines import BadLine, Check, Line, UnreadableLines
from rerankq_gateway.parts import Parts

log = logging.getLogger(__name__)

SLICE_SECONDS: Final = 20.0
"""After so long one that fills a batch lets those of others have a turn."""
_KEEP_SECONDS: Final = 8.0
_LOOKED_AT: Final = 100
_PATIENCE_SECONDS: Final = 2.0
_REFUSED_SECONDS: Final = 1.0


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
        self._jobs = CheckedJobs()

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
                work = _Import(self._parts, self._store, self._jobs, status, note, token)
                await self._held(work)
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
        if doing.cancelled():
            work.forget()
        else:
            doing.result()


class _Import:
    """The work for one batch."""

    def __init__(
        self,
        parts: Parts,
        store: FileStore,
        jobs: CheckedJobs,
        status: BatchStatus,
        note: Note,
        token: str,
    ) -> None:
        client = parts.client.for_tenant(status.tenant)
        self._imports = parts.client.imports
        self._events = parts.client.events
        self._shutdown = parts.shutdown
        self._store = store
        self._jobs = jobs
        self._status = status
        self._note = note
        self._token = token
        self._batch: AsyncBatch = client.batch(status.id)
        self._files = client.files
        self._until = time.monotonic() + SLICE_SECONDS

    def forget(self) -> None:
        """Keep nothing for its next portion."""
        self._jobs.drop(self._status.id)

    async def keep(self) -> None:
        """Keep the lease until it is lost."""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            with suppress(LedgerUnavailable):
                if not await self._imports.keep(self._status.id, self._token):
                    return

    async def run(self) -> None:
        """Check the file unless that was done, then add its lines, from where it stopped."""
        if self._note.failed or self._status.sealed or self._status.cancelled_at:
            await self._end(cut=bool(self._note.failed))
        elif is_late(self._status):
            await self._end(cut=True)
        elif self._note.began or await self._is_good():
            if await self._fill():
                await self._end()
            else:
                await self._imports.give_back(self._status.id, self._token)
        log.debug("batch %s: its file was worked on", self._status.id)

    async def _is_good(self) -> bool:
        """Check all lines; if some are bad, the batch has failed, and nothing was submitted."""
        self._events.tell(ImportBegan(batch_id=self._status.id, tenant=self._status.tenant))
        faults = Faults()
        try:
            count = await self._checked(faults)
        except UnknownFile as gone:
            count, faults = 0, Faults(BadLine(0, "input_file_id", str(gone), gone.code))
        if not faults.count and not count:
            faults.add(BadLine(0, "input_file_id", "the file has no lines", "empty_file"))
        note = self._note.changed(lines=count)
        now = await self._imports.now()
        if not faults.count:
            self._note = note.changed(began=now)
            await self._keep_note()
            return True
        self._note = note.changed(failed=now, errors=faults.shown(), faults=faults.count)
        await self._keep_note()
        # Its input is missing: so its webhooks are told `batch.failed`.
        await self._end(cut=True)
        return False

    async def _checked(self, faults: Faults) -> int:
        """Check all lines; returns how many are jobs, but for those whose names others have."""
        names = CustomIds()
        count = 0
        self._jobs.begin(self._status.id)
        async for line, found in self._entries(faults):
            if isinstance(found, BadLine):
                faults.add(found)
            else:
                count += 1
                self._jobs.add(self._status.id, line[0], found)
                names.add(str(found.head.get("custom")))
        if suspects := names.repeated():
            repeats = Repeats(suspects)
            async for line, found in self._entries(Faults()):
                if isinstance(line, Line) and not isinstance(found, BadLine):
                    faults.add(repeats.fault(line))
        return count

    async def _entries(
        self, faults: Faults
    ) -> AsyncIterator[tuple[Line | BadLine, PreparedJob | BadLine]]:
        """Each line with the job that it is; up to the one from which on none can be read."""
        check = self._check()
        try:
            async for portion in self._lines():
                for line in portion:
                    yield line, line if isinstance(line, BadLine) else check(line)
        except UnreadableLines as unreadable:
            faults.add(unreadable.bad)

    async def _fill(self) -> bool:
        """Add the lines that are no entries yet; False when some are left for later."""
        # A line whose own idempotency key belongs to another request is an entry without a job.
        async with self._batch.feed(rejected=lambda _: None) as feed:
            async for added in self._left():
                if not await self._add(feed, added):
                    return False
        return True

    async def _left(self) -> AsyncIterator[list[BatchLine]]:
        """The lines that are no entries yet, in portions."""
        skip, number = self._status.total, 0
        if spool := self._jobs.of(self._status.id, self._note.lines):
            async for jobs in spool.entries(start=skip):
                yield [BatchLine(line, job) for line, job in jobs if isinstance(job, PreparedJob)]
            return
        check = self._check()
        async for portion in self._lines():
            added: list[BatchLine] = []
            for line in portion:
                number += 1
                if number > skip and isinstance(line, Line):
                    entry = check(line)
                    if not isinstance(entry, BadLine):
                        added.append(BatchLine(line.number, entry))
            yield added

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
            if not ids:
                # A refusal that no wait of the client's ends comes at once.
                await asyncio.sleep(_REFUSED_SECONDS)
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
        """The file's lines.

        Raises:
            UnknownFile: the file was deleted, or has expired.
            UnreadableLines: it cannot be split into lines.
        """
        record = await self._files.get(self._note.file)
        async for portion in file_lines(self._store, record.id, record.bytes):
            yield portion

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
        self.forget()
        await self._imports.end(self._status.id, self._token)
        if ImportEnded in self._events.wanted:
            with suppress(BatchNotFound):  # past its retention
                self._status = await self._batch.status()
            self._events.tell(
                ImportEnded(
                    batch_id=self._status.id,
                    tenant=self._status.tenant,
                    lines=self._note.lines,
                    bad=self._note.faults,
                    submitted=self._status.total,
                )
            )
