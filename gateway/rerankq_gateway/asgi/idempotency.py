"""What an answer to a request with an idempotency key says of the key.

The IETF's draft asks that a server says for how long it keeps a key, and has no header for that.
"""

import time
from email.utils import formatdate
from typing import Final

from rerankq.contract import BatchStatus, JobStatus
from rerankq.settings import ClientSettings

REPLAYED: Final = (b"idempotent-replayed", b"true")
"""The answer is about what an earlier request with the same key has made."""
_NAME: Final = b"idempotency-key-expires"

Header = tuple[bytes, bytes]


def of_job(settings: ClientSettings, status: JobStatus | None) -> Header:
    """Until when the key of a job is kept at least: as long as the job's record.

    Args:
        settings: in use.
        status: of the job; None when it has ended only now.
    """
    ended = status.finished_at if status else None
    return _until((ended or time.time()) + 2 * settings.result_ttl)


def of_batch(settings: ClientSettings, status: BatchStatus) -> Header:
    """Until when the key of a batch is kept at least: as long as the batch."""
    return _until(status.kept_until or time.time() + settings.batch_ttl)


def _until(at: float) -> Header:
    return _NAME, formatdate(int(at), usegmt=True).encode()
