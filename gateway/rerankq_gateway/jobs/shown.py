"""A job as JSON: how it stands, and its ranking once it is there."""

from typing import Final

import orjson

from rerankq.client import AsyncRerankClient
from rerankq.contract import JobState, JobStatus, RerankResult, WaitReason

RETRY_SOON: Final = [(b"retry-after", b"1")]


async def shown(
    client: AsyncRerankClient,
    status: JobStatus,
    *,
    with_result: bool = True,
    waits: tuple[WaitReason, ...] | None = None,
) -> bytes:
    """The status of a job as JSON, with `result` once it has succeeded.

    Args:
        client: that sees the job.
        status: how it stands.
        with_result: whether to read its ranking.
        waits: why it waits, if that was asked.
    """
    members = [status.encode()[1:-1]]
    if with_result and status.state is JobState.SUCCEEDED:
        end = await client.end(status.id, 0)
        if isinstance(end, RerankResult):
            members.append(b'"result":' + end.encode())
    if waits is not None:
        members.append(b'"waits":' + orjson.dumps([each.model_dump() for each in waits]))
    return b"{" + b",".join(members) + b"}"
