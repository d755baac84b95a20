"""What many waiters on one client cost: memory and CPU of each, and when the last one has ended.

PYTHONPATH=ops python -m bench.waiters --waiters 100 1000 10000

The ledger's own calls end the jobs, in another thread of this process. There is no worker and no
upstream.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redis import Redis

from rerankq import AsyncRerankClient
from rerankq.client import AsyncJobHandle
from rerankq.contract import JobState
from rerankq.embedded import embedded_redis
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Leases
from rerankq.store.store import Retention, Store

DAY: Final = 86_400.0
AT_ONCE: Final = 50
IDLE_SECONDS: Final = 3.0
PAGE_BYTES: Final = 4096
RESULT: Final = (
    b'{"version":"1.0","job_id":"%b","model":"m","results":[{"index":0,"relevance_score":0.5}],'
    b'"attempts":1,"timings":{"waited_seconds":0.1,"upstream_seconds":0.1}}'
)


async def _measure(url: str, count: int) -> None:
    async with AsyncRerankClient(url) as client:
        drafts = [{"query": "q", "documents": ["d"]}] * count
        handles = [each async for each in client.submit_many(drafts)]
        memory, spent = _memory(), time.process_time()
        waits = [asyncio.create_task(each.result(timeout=600)) for each in handles]
        with Redis.from_url(url) as redis:
            await asyncio.to_thread(_heard, redis, count)
            begun, held = time.process_time() - spent, _memory() - memory
            connections = sum(each["name"] == "rerankq" for each in redis.client_list())
        spent = time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        idle = (time.process_time() - spent) / IDLE_SECONDS
        began = time.perf_counter()
        await asyncio.gather(asyncio.to_thread(_end_all, url, handles), *waits)
        seconds = time.perf_counter() - began
        sys.stdout.write(
            f"{count:6,} waiters: {connections} connections, {held / count / 1000:.1f} kB and "
            f"{begun / count * 1e6:.0f} us of CPU each, {idle:.1%} CPU while nothing ends, "
            f"all ended in {seconds:.2f} s\n"
        )


def _heard(redis: "Redis", count: int) -> None:
    while len(redis.pubsub_channels("celery-task-meta-*")) < count:
        time.sleep(0.02)


def _end_all(url: str, handles: Sequence[AsyncJobHandle]) -> None:
    asyncio.run(_end(url, [each.id for each in handles]))


async def _end(url: str, job_ids: Sequence[str]) -> None:
    async with Store(url) as store:
        leases = Leases(store, Retention(DAY, DAY), worker="w", lease_seconds=600)
        for at in range(0, len(job_ids), AT_ONCE):
            claim = await leases.claim(job_ids[at : at + AT_ONCE])
            await leases.finish(
                [
                    Finish(
                        lease,
                        1,
                        JobState.SUCCEEDED,
                        outcomes.success(RESULT % lease.job_id.encode()),
                    )
                    for lease in claim.leases
                ]
            )


def _memory() -> int:
    """Resident memory of this process in bytes, as Linux counts it."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, nargs="+", default=[100, 1000, 10_000])
    with embedded_redis() as server:
        for count in parser.parse_args().waiters:
            asyncio.run(_measure(server.url, count))


if __name__ == "__main__":
    main()
