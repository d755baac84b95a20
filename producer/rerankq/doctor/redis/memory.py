"""How full Redis is, and what it does when it is full."""

from collections.abc import Mapping
from typing import Any, Final

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok, warning

NEARLY: Final = 0.8
FULL: Final = 0.95
_MIB: Final = 1024 * 1024


async def look(set_up: SetUp) -> list[Finding]:
    """Whether it drops keys, and how much of its memory is used."""
    info = await set_up.redis.info()
    policy = str(info.get("maxmemory_policy", "noeviction"))
    return [*_dropped(policy), _used(info)]


def _dropped(policy: str) -> list[Finding]:
    if policy == "noeviction":
        return []
    return [
        fault(
            "redis_evicts",
            f"when its memory is full, Redis drops keys, jobs too (maxmemory-policy {policy})",
            "set maxmemory-policy noeviction: then it refuses new jobs, and loses none",
        )
    ]


def _used(info: Mapping[str, Any]) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        system = int(info.get("total_system_memory", 0))
        of_machine = f" of the machine's {_mib(system)}" if system else ""
        return note(
            "redis_memory_unlimited",
            f"{_mib(used)} used{of_machine}; maxmemory is not set, so the system may end Redis",
            "set maxmemory below what the machine has",
        )
    what = f"{_mib(used)} of {_mib(most)} used ({used / most:.0%})"
    if used >= FULL * most:
        return fault(
            "redis_memory_full",
            f"{what}: Redis refuses new jobs, or soon will",
            "raise maxmemory, or let less wait: RERANKQ_MAX_QUEUE_DEPTH, RERANKQ_RESULT_TTL",
        )
    if used >= NEARLY * most:
        return warning(
            "redis_memory_nearly_full",
            what,
            "raise maxmemory, or keep less: RERANKQ_RESULT_TTL, RERANKQ_DEAD_TTL",
        )
    return ok("redis_memory", what)


def _mib(size: int) -> str:
    return f"{size / _MIB:,.0f} MiB"
