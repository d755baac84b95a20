"""`POST /v1/jobs:batch`: many jobs in one body; none is submitted before all were read."""

import hashlib
import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Final

import orjson

from rerankq.client import AsyncRerankClient, RejectedLine
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.client.prepared import PreparedJob
from rerankq.contract import MAX_JOB_BYTES, BatchStatus, JobError, Scope
from rerankq.errors import BatchNotFound, IdempotencyConflict, RerankqError
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.body import chunks
from rerankq_gateway.asgi.idempotency import REPLAYED, of_batch
from rerankq_gateway.asgi.job_headers import idempotency_key
from rerankq_gateway.errors import GatewayError, problem_of
from rerankq_gateway.jobs.bulk_options import BulkOptions, check_type
from rerankq_gateway.lines import BadLine, Spool, lines, spooled
from rerankq_gateway.lines.checking import submission
from rerankq_gateway.parts import Parts

_PATIENCE_SECONDS: Final = 5.0
"""So long a full lane may take no job before the caller is told to come back."""
_ABANDONED_SECONDS: Final = 10.0
"""When nobody has fed a batch for so long, its upload has died, and a repeat goes on with it."""
_CONFLICT: Final = IdempotencyConflict.code
_KEYS: Final = uuid.UUID("6f2a6b2e-8a4e-5a43-9d51-6b3c1d5f0a77")


class Bulk:
    """Serves `POST /v1/jobs:batch`.

    Args:
        parts: of this process.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._folder = Path(tempfile.gettempdir())

    async def __call__(self, request: HotRequest) -> None:
        """Read all lines, then submit them as a batch.

        Raises:
            GatewayError: 422, lines are no jobs: nothing was submitted.
            RerankqError: the jobs were not submitted, or not all of them.
        """
        request.demand(Scope.SUBMIT)
        check_type(request.headers)
        options = BulkOptions.of(request.scope["query_string"])
        key = idempotency_key(request.headers)
        with self._parts.uploads.taken():
            await self._upload(request, options, key)

    async def _upload(self, request: HotRequest, options: BulkOptions, key: str | None) -> None:
        client = self._parts.client_for(request.principal)
        name = uuid.uuid4() if key is None else _of_key(request.principal.tenant, key)
        batch = client.batch(f"batch-{name}")
        digest = hashlib.sha256()
        check = submission(
            batch.prepare,
            job_id=lambda line: f"{name}-{line.number}",
            defaults={} if options.lane is None else {"lane": options.lane},
        )
        source = lines(self._received(request, digest), most_line=MAX_JOB_BYTES)
        with await spooled(source, check, self._folder) as spool:
            if not spool.count or (spool.rejected and not options.partial):
                raise _no_jobs(spool)
            # With the options that change the jobs: a repeat must ask for the same.
            digest.update(f"{options.lane} {options.deadline}".encode())
            upload = _Upload(client, batch.id, spool, digest.hexdigest(), self._parts)
            is_new = await upload.opened(options)
            if is_new:
                await upload.feed()
        headers = [
            (b"location", f"{self._parts.settings.root_path}/v1/batches/{batch.id}".encode())
        ]
        if key is not None:
            status = await batch.status()
            await upload.recall(status)
            headers.append(of_batch(self._parts.settings, status))
        if not is_new:
            headers.append(REPLAYED)
        await request.answer(202, orjson.dumps(upload.told()), headers)

    async def _received(self, request: HotRequest, digest: Any) -> AsyncIterator[bytes]:
        """The body as it comes, until the process must end; its digest is taken on the way."""
        async for chunk in chunks(request, most=self._parts.settings.max_upload):
            if self._parts.shutdown.over.is_set():
                raise GatewayError(
                    503,
                    "shutting_down",
                    "this gateway is about to end, and has submitted nothing: send all again",
                    retry_after=1.0,
                )
            digest.update(chunk)
            yield chunk


class _Upload:
    """Jobs that were read, and the batch that they go into.

    Args:
        client: the caller's.
        batch_id: the batch, which need not be open.
        spool: the jobs.
        sha256: of body and options.
        parts: of this process.
    """

    def __init__(
        self,
        client: AsyncRerankClient,
        batch_id: str,
        spool: Spool,
        sha256: str,
        parts: Parts,
    ) -> None:
        self._client = client
        self._batch_id = batch_id
        self._spool = spool
        self._sha256 = sha256
        self._parts = parts
        self._start = 0
        self._rejected = 0
        self._errors = [*spool.bad]

    async def opened(self, options: BulkOptions) -> bool:
        """Open the batch, or find the one of an earlier try; False if that is whole.

        Raises:
            GatewayError: 409, an upload with this key is under way.
            IdempotencyConflict: the key belongs to another body.
        """
        with suppress(BatchNotFound):
            return await self._goes_on(await self._client.batch(self._batch_id).status())
        mine = os.urandom(8).hex()
        batch = self._client.batch(
            self._batch_id,
            expected=self._spool.count + self._spool.rejected,
            deadline_seconds=options.deadline,
            details={"upload": {"sha256": self._sha256, "by": mine}},
        )
        await batch.open()
        status = await batch.status()
        if _upload_of(status).get("by") == mine:
            return True
        return await self._goes_on(status)

    async def feed(self) -> None:
        """Submit the jobs that the batch does not have yet, in their order.

        Raises:
            RerankqError: not all were submitted; the error says which line comes next.
        """
        batch = self._client.batch(self._batch_id)
        async with batch.feed(rejected=self._refused) as feed:
            try:
                await self._feed(feed)
            except RerankqError as error:
                raise self._stopped(error, feed.next_line) from error
            await feed.seal()

    async def recall(self, status: BatchStatus) -> None:
        """Note what an earlier try with the same key has refused of the lines.

        Args:
            status: of the batch, which is whole.
        """
        rejected = status.rejected - self._spool.rejected
        if rejected == self._rejected:
            return
        self._rejected = rejected
        self._errors = [*self._spool.bad]
        async with aclosing(self._client.batch(self._batch_id).rows()) as portions:
            async for rows in portions:
                self._errors += [
                    _conflict(row.line or 0, row.custom_id, row.error)
                    for row in rows
                    if row.job_id is None and row.error and row.error.code == _CONFLICT
                ]

    def told(self) -> dict[str, Any]:
        """What the caller is told once all was submitted."""
        rejected = self._spool.rejected + self._rejected
        return {
            "batch": self._batch_id,
            "accepted": self._spool.count - self._rejected,
            "rejected": rejected,
            "errors": errors_of(self._errors),
        }

    async def _feed(self, feed: BatchFeed) -> None:
        async for portion in self._spool.entries(start=self._start):
            if self._parts.shutdown.over.is_set():
                raise GatewayError(
                    503, "shutting_down", "this gateway is about to end", retry_after=1.0
                )
            added = [BatchLine(line, _entry(line, entry)) for line, entry in portion]
            _, refusal = await feed.add(added, patience=_PATIENCE_SECONDS)
            if refusal:
                raise refusal

    async def _goes_on(self, status: BatchStatus) -> bool:
        """Whether an earlier try left lines to be submitted."""
        if _upload_of(status).get("sha256") != self._sha256:
            raise IdempotencyConflict(
                "the idempotency key was used before for another body: use a new key, or send the "
                "same body"
            )
        if status.sealed:
            return False
        if await self._client.batch(self._batch_id).unfed_seconds() < _ABANDONED_SECONDS:
            raise GatewayError(
                409,
                "upload_under_way",
                "an upload with this idempotency key is under way: repeat it in 10 seconds to "
                "learn what became of it",
                retry_after=_ABANDONED_SECONDS,
                can_retry=True,
            )
        # Entries stand in the order of the lines, so their number says how far it came.
        self._start = status.total
        return True

    def _refused(self, line: RejectedLine) -> None:
        """Note a line whose own idempotency key belongs to another request."""
        if line.error.code == _CONFLICT:
            self._rejected += 1
            self._errors.append(_conflict(line.line, line.custom_id, line.error))

    def _stopped(self, error: RerankqError, line: int) -> GatewayError:
        """The error, with the batch and the line that comes next."""
        problem = problem_of(error)
        return GatewayError(
            problem.status,
            problem.code,
            f"{problem.message}; the jobs before line {line} are in the batch {self._batch_id}: "
            "send the same body with the same Idempotency-Key, and it goes on from there",
            retry_after=problem.retry_after,
            throttled_by=problem.throttled_by,
            can_retry=problem.can_retry,
            members={"batch": self._batch_id, "line": line},
        )


def _conflict(line: int, custom_id: str | None, error: JobError) -> BadLine:
    said = error.message.partition(": ")[2]
    return BadLine(line, "idempotency_key", said, error.code, custom_id)


def _of_key(tenant: str | None, key: str) -> uuid.UUID:
    """The name of the batch of an idempotency key: each tenant has its own keys."""
    return uuid.uuid5(_KEYS, f"{'' if tenant is None else tenant} {key}")


def _upload_of(status: BatchStatus) -> dict[str, Any]:
    noted = status.details.get("upload")
    return noted if isinstance(noted, dict) else {}


def _entry(line: int, entry: PreparedJob | BadLine) -> PreparedJob | RejectedLine:
    if isinstance(entry, PreparedJob):
        return entry
    said = f"{entry.field}: {entry.reason}" if entry.field else entry.reason
    error = JobError(code=entry.code, message=f"line {line}: {said}")
    return RejectedLine(line=line, custom_id=entry.custom_id, error=error)


def _no_jobs(spool: Spool) -> GatewayError:
    errors = errors_of(spool.bad)
    if not spool.rejected:
        said = "the body has no line that is a job: send JSONL, or a JSON array"
    else:
        first = errors[0]
        field = f"{first['field']}: " if first["field"] else ""
        said = (
            f"lines that are no jobs: {spool.rejected:,}, the first is line {first['line']} "
            f"({field}{first['reason']}); nothing was submitted. With ?partial=true the others are"
        )
    return GatewayError(
        422, "invalid_lines", said, members={"errors": errors, "rejected": spool.rejected}
    )


def errors_of(bad: list[BadLine]) -> list[dict[str, Any]]:
    """Bad lines as they are told."""
    return [each._asdict() for each in bad]
