"""Switches off protections in a worker's process, before the worker starts.

rerankq itself has no switches for this: scripts are changed when they are loaded, and functions are
replaced in the modules that use them.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from itertools import count
from typing import Any, Final

from rerankq.ledger.leases import Finish, Lease, Leases
from rerankq.store.script import Script
from rerankq_worker.provider import HttpProvider
from rerankq_worker.upstream.port import Answer, Call

SUICIDE_MARK: Final = "that ends its process"
SUICIDE_WORDS: Final = "this process ends at "
FAILED_BEFORE: Final = "CHAOS_WRITER_FAILED"
BLOCKS: Final = "CHAOS_BLOCKS"
"""Variable of a worker whose event loop is blocked once: after how many calls, and for how many
seconds, separated by a space."""
BLOCKED_WORDS: Final = "this event loop was blocked from, to: "
WRITES_BEFORE_FAILURE: Final = 10

IGNORING_FENCES: Final = """
function held_job(id)
  local job = known_of(id)
  return job and job.state == 'running' and job or nil
end
"""
IGNORING_STATES: Final = """
function held_job(id) return known_of(id) end
"""
NOTHING_LOST: Final = """
function lost_places() return '0', '0' end
"""
# The result is written and nothing else: as if finishing took two steps and was cut in between.
STATE_LEFT: Final = """
local whole_redis = redis
local redis = {pcall = whole_redis.pcall, call = function(...)
  local name, key = ...
  local of_a_record = name == 'SET' and string.find(key, 'rerankq:job:', 1, true)
  if name == 'ZREM' or of_a_record then return 0 end
  return whole_redis.call(...)
end}
"""


def no_fencing() -> None:
    """Let a worker write to a job that another worker holds by now."""
    _change_scripts(IGNORING_FENCES, behind="workers/tokens")


def no_state_check() -> None:
    """Let a result be written in any state of its job."""
    _change_scripts(IGNORING_STATES, behind="workers/tokens", only="finish")


def no_atomic_finish() -> None:
    """Write results, and leave the jobs' states as they are."""
    _change_scripts(STATE_LEFT, only="finish")


def no_watermark() -> None:
    """Never find a lost hint."""
    _change_scripts(NOTHING_LOST, behind="places", only="sweep")


def no_renewal() -> None:
    """Let every lease expire."""

    async def renew(_self: Leases, _leases: list[Lease]) -> set[str]:
        return set()

    Leases.renew = renew  # type: ignore[method-assign,assignment]


def suicide() -> None:
    """End the process at a job that is marked for it, as a crash in a C library would.

    The worker's log gets the time, because only the process itself knows when it ended.
    """
    rerank = HttpProvider.rerank

    async def rerank_or_die(self: HttpProvider, call: Call) -> Answer:
        if SUICIDE_MARK in call.request.query:
            os.write(2, f"\n{SUICIDE_WORDS}{time.time():.6f}\n".encode())
            os._exit(1)
        return await rerank(self, call)

    HttpProvider.rerank = rerank_or_die  # type: ignore[method-assign]


def failing_writer() -> None:
    """Let the part that writes ends fail once, after a while; the restarted process works."""
    finish = Leases.finish
    writes = count(1)

    async def finish_or_fail(self: Leases, finishes: Sequence[Finish]) -> list[bool]:
        if next(writes) > WRITES_BEFORE_FAILURE and FAILED_BEFORE not in os.environ:
            os.environ[FAILED_BEFORE] = "yes"
            raise RuntimeError
        return await finish(self, finishes)

    Leases.finish = finish_or_fail  # type: ignore[method-assign]


def blocked_loop() -> None:
    """Block the event loop once, as blocking code would; see `BLOCKS`.

    The worker's log gets the times, because only the process itself knows them.
    """
    if BLOCKS not in os.environ:
        return
    calls, seconds = os.environ[BLOCKS].split()
    begun = count(1)
    rerank = HttpProvider.rerank

    def block() -> None:
        since = time.time()
        time.sleep(float(seconds))
        os.write(2, f"\n{BLOCKED_WORDS}{since:.6f} {time.time():.6f}\n".encode())

    async def rerank_and_block(self: HttpProvider, call: Call) -> Answer:
        if next(begun) == int(calls):
            # Not within this call: it would begin only after the block.
            asyncio.get_running_loop().call_soon(block)
        return await rerank(self, call)

    HttpProvider.rerank = rerank_and_block  # type: ignore[method-assign]


SABOTAGES: Final[Mapping[str, Callable[[], None]]] = {
    "none": lambda: None,
    "fencing": no_fencing,
    "state-check": no_state_check,
    "atomic-finish": no_atomic_finish,
    "watermark": no_watermark,
    "renewal": no_renewal,
    "suicide": suicide,
    "writer": failing_writer,
    "blocked-loop": blocked_loop,
}


def _change_scripts(lines: str, *, behind: str = "", only: str = "") -> None:
    """Put lines into scripts: at the beginning, or after one of the files that they consist of."""
    load = Script.text
    file = (files("rerankq.ledger") / "lua" / f"{behind}.lua").read_text("utf-8") if behind else ""

    @cache
    def changed(script: Script[..., Any], namespace: str) -> tuple[str, str]:
        text, digest = load(script, namespace)
        if not script.name.startswith(only):
            return text, digest
        assert file in text or not only, "the file is gone"
        # The second function of a name replaces the first.
        text = text.replace(file, file + lines, 1)
        return text, sha1(text.encode(), usedforsecurity=False).hexdigest()

    Script.text = changed  # type: ignore[method-assign]
