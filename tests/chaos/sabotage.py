"""Protections that can be switched off, in a worker's own process, before it starts.

Nothing of this is known to the product: scripts are changed on their way out of the package, and
functions are replaced in the modules that use them.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from itertools import count
from typing import Any, Final

from rerankq.ledger import store
from rerankq.ledger.leases import Lease, Leases
from rerankq_worker.provider import HttpProvider
from rerankq_worker.result_writer import Outcome, ResultWriter
from rerankq_worker.upstream import Answer, Call

SUICIDE_MARK: Final = "that ends its process"
SUICIDE_WORDS: Final = "this process ends at "
FAILED_BEFORE: Final = "CHAOS_WRITER_FAILED"
WRITES_BEFORE_FAILURE: Final = 10

IGNORING_FENCES: Final = """
local function held_job(id)
  local job = known_of(id)
  return job and job.state == 'running' and job or nil
end
"""
IGNORING_STATES: Final = """
local function held_job(id) return known_of(id) end
"""
NOTHING_LOST: Final = """
local function lost_places() return '0', '0' end
"""
# The result is written, and then nothing more: as two steps would leave it, cut in between.
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
    """Let a worker write to a job that another one runs by now."""
    _change_scripts(after_prelude=IGNORING_FENCES)


def no_state_check() -> None:
    """Let a result be written whatever state its job is in."""
    _change_scripts(after_prelude=IGNORING_STATES, only="finish")


def no_atomic_finish() -> None:
    """Write results, and leave the jobs' states as they are."""
    _change_scripts(before_prelude=STATE_LEFT, only="finish")


def no_watermark() -> None:
    """Never find a lost hint."""
    _change_scripts(after_prelude=NOTHING_LOST, only="sweep")


def no_renewal() -> None:
    """Let every lease run out."""

    async def renew(_self: Leases, _leases: list[Lease]) -> set[str]:
        return set()

    Leases.renew = renew  # type: ignore[method-assign,assignment]


def suicide() -> None:
    """End the process at a job that is marked for it, as a crash in a C library would.

    The time stands in the worker's log: nobody but the process itself knows when it ended.
    """
    rerank = HttpProvider.rerank

    async def rerank_or_die(self: HttpProvider, call: Call) -> Answer:
        if SUICIDE_MARK in call.request.query:
            os.write(2, f"\n{SUICIDE_WORDS}{time.time():.6f}\n".encode())
            os._exit(1)
        return await rerank(self, call)

    HttpProvider.rerank = rerank_or_die  # type: ignore[method-assign]


def failing_writer() -> None:
    """Let the part that writes ends fail once, after a while; a process begun anew knows of it."""
    write = ResultWriter._write  # noqa: SLF001  it has no door for failures
    writes = count(1)

    async def write_or_fail(self: ResultWriter, portion: Sequence[Outcome]) -> Any:
        if next(writes) > WRITES_BEFORE_FAILURE and FAILED_BEFORE not in os.environ:
            os.environ[FAILED_BEFORE] = "yes"
            raise RuntimeError
        return await write(self, portion)

    ResultWriter._write = write_or_fail  # type: ignore[method-assign]  # noqa: SLF001


SABOTAGES: Final[Mapping[str, Callable[[], None]]] = {
    "none": lambda: None,
    "fencing": no_fencing,
    "state-check": no_state_check,
    "atomic-finish": no_atomic_finish,
    "watermark": no_watermark,
    "renewal": no_renewal,
    "suicide": suicide,
    "writer": failing_writer,
}


def _change_scripts(*, before_prelude: str = "", after_prelude: str = "", only: str = "") -> None:
    load = store._script  # noqa: SLF001  there is no other door, and none should be made
    prelude = (files("rerankq.ledger") / "lua" / "prelude.lua").read_text("utf-8")

    @cache
    def changed(name: str) -> tuple[str, str]:
        text, digest = load(name)
        if only not in ("", name):
            return text, digest
        assert text.startswith(prelude)
        # In Lua the later of two local functions of one name counts, for what stands below it.
        text = before_prelude + prelude + after_prelude + text.removeprefix(prelude)
        return text, sha1(text.encode(), usedforsecurity=False).hexdigest()

    store._script = changed  # noqa: SLF001
