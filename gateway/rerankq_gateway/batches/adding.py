"""`POST /v1/batches/{id}/jobs`: more jobs for a batch that is open."""

import uuid
from hashlib import blake2b
from typing import Any, Final

from rerankq.client import AsyncBatch
from rerankq.client.batches.feed import BatchLine
from rerankq.client.prepared import PreparedJob
from rerankq.contract import MAX_JOB_BYTES
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.body import chunks
from rerankq_gateway.asgi.job_headers import idempotency_key
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.lines import Line, Spool, lines, spooled
from rerankq_gateway.lines.checking import submission

_PATIENCE_SECONDS: Final = 5.0
_KEYS: Final = uuid.UUID("0d6f8a3e-7f43-5d0c-9f2e-2f3f5f0c1b77")


async def add_jobs(request: HotRequest, batch: AsyncBatch, *, most: int) -> dict[str, Any]:
    """Add the jobs of a body of JSONL, or of a JSON array; all are checked before the first is.

    Raises:
        GatewayError: 422, lines are no jobs: none was added.
        BatchClosed: the batch takes no more.
        RerankqError: not all were added. A repeat with the same Idempotency-Key adds the rest.
    """
    if b"multipart" in request.headers.get(b"content-type", b"").lower():
        raise GatewayError(
            *(415, "unsupported_content_type"),
            "jobs are sent as JSONL or as a JSON array, not as a form",
            param="content-type",
        )
    key = idempotency_key(request.headers)
    name = uuid.uuid4() if key is None else uuid.uuid5(_KEYS, f"{batch.id} {key}")

    def job_id(line: Line) -> str:
        # A line that is another under the same key is a job of its own, and not lost.
        return f"{name}-{line.number}-{blake2b(line.content, digest_size=6).hexdigest()}"

    check = submission(batch.prepare, job_id=job_id, defaults={})
    source = lines(chunks(request, most=most), most_line=MAX_JOB_BYTES)
    with await spooled(source, check) as spool:
        if spool.rejected or not spool.count:
            raise _bad(spool)
        async with batch.feed() as feed:
            async for portion in spool.entries():
                added = [
                    BatchLine(line, job) for line, job in portion if isinstance(job, PreparedJob)
                ]
                _, refusal = await feed.add(added, patience=_PATIENCE_SECONDS)
                if refusal:
                    raise refusal
        return {"batch": batch.id, "accepted": spool.count}


def _bad(spool: Spool) -> GatewayError:
    if not spool.rejected:
        return GatewayError(422, "invalid_lines", "the body has no jobs")
    first = spool.bad[0]
    field = f"{first.field}: " if first.field else ""
    return GatewayError(
        *(422, "invalid_lines"),
        f"lines that are no jobs: {spool.rejected:,}, the first is line {first.line} "
        f"({field}{first.reason}); none was added",
        members={"errors": [each._asdict() for each in spool.bad], "rejected": spool.rejected},
    )
