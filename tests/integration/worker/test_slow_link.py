"""A worker whose link to Redis is slow."""

import secrets
from pathlib import Path

from redis import Redis

from rerankq import RerankClient
from rerankq.ledger.record_fields import record_from
from running.keys import KEYS
from running.proxy import Proxy
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

LINK_BYTES = 300_000.0
"""A second."""
LEASE_SECONDS = 1.0
JOBS = 3


def test_a_payload_may_take_longer_than_a_lease_to_arrive(
    own_redis: RedisServer, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """Jobs are done after one claim, although the claim's answer takes several leases to arrive."""
    with (
        Proxy(own_redis.port, bytes_a_second=LINK_BYTES) as link,
        RerankClient(own_redis.url) as client,
        Redis.from_url(own_redis.url) as judge,
    ):
        # Far more tokens than a model reads, which is not what is tried here: they are cut.
        documents = [secrets.token_urlsafe(90_000) for _ in range(12)]
        jobs = [
            client.submit(query="q", documents=documents, lane="bulk", long_documents="truncate")
            for _ in range(JOBS)
        ]
        stored = int(judge.strlen(f"rerankq:payload:{jobs[0].id}"))
        assert stored > 3 * LEASE_SECONDS * LINK_BYTES
        with RunningWorker(link.url, upstream.url, tmp_path, lease_seconds=LEASE_SECONDS):
            for job in jobs:
                assert len(job.result(timeout=120).results) == len(documents)
        records = [record_of(judge, job.id) for job in jobs]
        assert [each["claims"] for each in records] == [1] * JOBS


def record_of(judge: Redis, job_id: str) -> dict[str, object]:
    """A job's record."""
    stored = judge.get(KEYS.job(job_id))
    assert isinstance(stored, bytes)
    return record_from(stored)
