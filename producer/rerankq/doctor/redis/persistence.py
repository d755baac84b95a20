"""What Redis loses when it ends, or when its machine loses power."""

from collections.abc import Mapping
from typing import Any

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok, warning
from rerankq.store.durability import NO_AOF, losses

_SET_AOF = "set appendonly yes, by CONFIG SET and in its configuration file"


async def look(set_up: SetUp) -> list[Finding]:
    """Whether it writes to disk, how often, and whether the last writes failed."""
    info = await set_up.redis.info()
    has_snapshots = await set_up.redis.config("save")
    fsync = await set_up.redis.config("appendfsync")
    return [*_written(info, has_snapshots, fsync), *_failed(info)]


def _written(info: Mapping[str, Any], save: str | None, fsync: str | None) -> list[Finding]:
    if NO_AOF not in losses({}, info):
        return [_synced(fsync)]
    if save == "":
        return [
            fault(
                "redis_keeps_nothing",
                "Redis writes nothing to its disk: all jobs are lost when it ends",
                _SET_AOF,
            )
        ]
    return [
        warning(
            "redis_no_aof",
            "Redis has no append-only file: it loses the jobs since its last snapshot when it ends",
            _SET_AOF,
        )
    ]


def _synced(fsync: str | None) -> Finding:
    match fsync:
        case "always":
            what = "an append-only file, synced at each write: a power cut loses nothing"
            return ok("redis_persistence", what)
        case "everysec":
            what = "an append-only file, synced each second: a power cut may lose the last second"
            return ok("redis_persistence", what)
        case "no":
            return warning(
                "redis_not_synced",
                "the append-only file is never synced: a power cut may lose the last half minute",
                "set appendfsync everysec",
            )
        case _:
            return note(
                "redis_persistence",
                "an append-only file; this user may not ask how often it is synced",
                "see that appendfsync is everysec or always",
            )


def _failed(info: Mapping[str, Any]) -> list[Finding]:
    failed = {
        "aof_last_write_status": "its append-only file",
        "aof_last_bgrewrite_status": "a new append-only file",
        "rdb_last_bgsave_status": "its last snapshot",
    }
    return [
        fault(
            "redis_cannot_write",
            f"Redis could not write {what}",
            "free space on its disk, and see its log; it may refuse new jobs until then",
        )
        for field, what in failed.items()
        if info.get(field, "ok") != "ok"
    ]
