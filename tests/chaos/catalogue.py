"""All rows, in the order of the fault table."""

from typing import Final

from chaos.row import Row
from chaos.rows import (
    backlog,
    clock,
    connections,
    crash_loop,
    exploration,
    gateway_upload,
    gateway_wait,
    gateway_webhook,
    large_job_killed,
    poison,
    redis_damaged,
    redis_full,
    redis_killed,
    redis_refuses,
    redis_stalls,
    redis_swapped,
    schedules,
    self_restarts,
    sentinel_failover,
    sick_worker,
    stopped_in_silence,
    tenant_flood,
    throttling,
    upstream_faults,
    worker_callback,
    worker_killed,
    worker_paused,
    worker_stopped,
    zombie,
)

ROWS: Final[tuple[Row, ...]] = (
    worker_killed.KILL,
    worker_killed.PAUSE_KILL,
    large_job_killed.LARGE_JOB,
    zombie.ZOMBIE,
    zombie.LATE,
    worker_paused.IN_TURN,
    worker_paused.BLOCKED,
    worker_stopped.SIGTERM,
    worker_stopped.HAND_BACK,
    worker_stopped.TERM_KILL,
    stopped_in_silence.REDIS_STOPPED,
    stopped_in_silence.BLACK_HOLE,
    connections.BLIPS,
    redis_stalls.DEBUG_SLEEP,
    redis_stalls.SIGSTOP,
    redis_killed.ALWAYS,
    redis_killed.EVERYSEC,
    redis_killed.BUSY,
    redis_damaged.DAMAGED,
    redis_damaged.TRUNCATED,
    redis_damaged.CORRUPTED,
    redis_full.OUT_OF_MEMORY,
    connections.BLACK_HOLE,
    clock.CLOCK,
    upstream_faults.SILENCE,
    upstream_faults.ABSURDITY,
    sick_worker.SICK_WORKER,
    throttling.STORM,
    throttling.LIMITED,
    throttling.FORGOTTEN,
    poison.POISON,
    crash_loop.CRASH_LOOP,
    redis_full.DISK_FULL,
    *redis_refuses.ROWS,
    redis_swapped.SWAPPED,
    sentinel_failover.FAILOVER,
    self_restarts.SELF_RESTART,
    gateway_upload.UPLOAD,
    gateway_wait.WAIT,
    tenant_flood.FLOOD,
    gateway_webhook.KILLED,
    worker_callback.KILLED,
    backlog.BACKLOG,
    backlog.DUE_TOGETHER,
    schedules.SCHEDULES,
    exploration.EXPLORATION,
)


def row(name: str) -> Row:
    """The row of that name.

    Raises:
        KeyError: there is none.
    """
    return {each.name: each for each in ROWS}[name]
