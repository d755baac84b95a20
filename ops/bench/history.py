"""How long a page of jobs takes, beside very many jobs that wait and have ended.

PYTHONPATH=ops python -m bench.history --ended 100000 --queued 1000000

The jobs are written into a Redis of its own as the ledger writes them, and the ended ones are
packed as a worker does. There is no worker and no upstream. Figures are ms a page, of 50 jobs.
"""

import argparse
import asyncio
import sys
import time
from typing import Any, Final

from redis import Redis

from rerankq.client import AsyncRerankClient
from rerankq.embedded import embedded_redis
from rerankq.history.packing import Packing
from rerankq.store.keys import Keys
from rerankq.store.store import Store

DAY: Final = 86_400.0
MOST_BYTES: Final = 1 << 30
TOGETHER: Final = 10_000
ROUNDS: Final = 5
_MADE: Final = """
local first, count, state, now = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local job_head, target = ARGV[5], ARGV[6]
for at = first, first + count - 1 do
  local id = string.format('%08x-3d0b-4f0e-9a63-6a9a0a3b6d10', at)
  local record = {lane = 'bulk', state = state, submitted = now - 1000, custom = 'document-' .. at,
    batch = 'batch-' .. at % 50, tenant = at % 2 == 0 and 'tenant-' .. at % 20 or nil}
  if state == 'queued' then
    redis.call('ZADD', target, at, id)
  else
    record.state = at % 100 == 7 and 'failed' or state
    record.reason = at % 100 == 7 and 'upstream_refused' or nil
    record.attempts, record.claims, record.started, record.finished = 1, 1, now - 500, now
    record.worker = 'bulk.1234@a-host.0a1b2c3d'
    redis.call('RPUSH', target, id .. ' 120 345 200 req-' .. id)
  end
  redis.call('SET', job_head .. id, cjson.encode(record))
end
"""


def _make(redis: "Redis", keys: Keys, state: str, count: int, target: str) -> None:
    for first in range(0, count, TOGETHER):
        seconds, _ = redis.time()
        many = min(TOGETHER, count - first)
        offset = 0 if state == "queued" else 0x10000000
        arguments: tuple[Any, ...] = (first + offset, many, state, int(seconds) * 1000)
        redis.eval(_MADE, 0, *arguments, keys.job.head, target)


async def _measure(url: str, ended: int, queued: int) -> None:
    keys = Keys()
    with Redis.from_url(url) as redis:
        _make(redis, keys, "queued", queued, keys.lane_set("bulk", "queued"))
        _make(redis, keys, "succeeded", ended, keys.history_ended)
        async with Store(url) as store, AsyncRerankClient(url) as client:
            packing = Packing(store, ttl_seconds=DAY, most_bytes=MOST_BYTES)
            while redis.llen(keys.history_ended):
                redis.delete(keys.history_packing)
                await packing.tick()
            size = int(redis.hget(keys.history, "bytes") or 0)
            sys.stdout.write(f"{ended:,} ended: {size / max(1, ended):.0f} bytes each\n")
            await _pages(client, ended)


async def _pages(client: AsyncRerankClient, ended: int) -> None:
    oldest = 0x10000000
    middle = f"document-{oldest + ended // 2}"
    searches: dict[str, dict[str, Any]] = {
        "newest ended": {"state": "ended"},
        "failed": {"state": "failed"},
        "of a reason": {"reason": "upstream_refused"},
        "of a batch": {"state": "ended", "batch_id": "batch-7"},
        "of a tenant": {"state": "ended", "tenant": "tenant-6"},
        "one custom id": {"state": "ended", "custom_id": middle},
        "the oldest custom id": {"state": "ended", "custom_id": f"document-{oldest}"},
        "no such custom id": {"state": "ended", "custom_id": "none"},
        "long ago": {"state": "ended", "until": 1.0},
        "two names, never together": {
            "state": "ended",
            "tenant": "tenant-6",
            "batch_id": "batch-7",
        },
        "first queued": {"state": "queued"},
        "a queued custom id, in its middle": {"state": "queued", "custom_id": "document-500000"},
        "all states": {},
    }
    for name, wanted in searches.items():
        slowest, pages, found = 0.0, 0, 0
        for _ in range(ROUNDS):
            after: str | None = None
            for _ in range(10):
                began = time.perf_counter()
                page = await client.job_page(after=after, limit=50, **wanted)
                slowest = max(slowest, time.perf_counter() - began)
                pages, found, after = pages + 1, found + len(page.jobs), page.next
                if after is None:
                    break
        sys.stdout.write(
            f"{name:36}{slowest * 1e3:8.1f} ms at most, {found // ROUNDS} jobs in "
            f"{pages // ROUNDS} pages\n"
        )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ended", type=int, default=100_000)
    parser.add_argument("--queued", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with embedded_redis() as server:
        asyncio.run(_measure(server.url, arguments.ended, arguments.queued))


if __name__ == "__main__":
    main()
