"""How far replicas are behind, and whether writes wait for them."""

from collections.abc import Mapping
from typing import Any, Final

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, note, ok, warning

MOST_LAG_SECONDS: Final = 10
_MIB: Final = 1024 * 1024
_MOST_BEHIND: Final = 64 * _MIB


async def look(set_up: SetUp) -> list[Finding]:
    """What INFO tells of the replicas of this primary."""
    info = await set_up.redis.info()
    if info.get("role") != "master":
        # The check of the server tells that it takes no writes.
        return [note("redis_is_replica", "this is a replica: only its primary takes jobs")]
    replicas = [each for name, each in info.items() if _is_replica(name, each)]
    if not replicas and set_up.redis.address.sentinels:
        what = "no replicas: Sentinel has nothing to promote when this primary is gone"
        return [warning("redis_no_replica", what, "start one, or see why none follows")]
    if not replicas:
        return [ok("redis_replicas", "no replicas: Redis' disk holds the only copy of all jobs")]
    offset = int(info.get("master_repl_offset", 0))
    late = [each for each in (_late(one, offset) for one in replicas) if each]
    return late or [ok("redis_replicas", f"{len(replicas)} online, none is behind")]


def _is_replica(name: str, about: Any) -> bool:
    return name.startswith("slave") and name[5:].isdigit() and isinstance(about, dict)


def _late(replica: Mapping[str, Any], offset: int) -> Finding | None:
    where = f"the replica at {replica.get('ip')}:{replica.get('port')}"
    advice = "see its log and the network to it: what it lacks is lost at a failover"
    if replica.get("state") != "online":
        return warning("redis_replica_behind", f"{where} is {replica.get('state')}", advice)
    lag, behind = int(replica.get("lag", 0)), offset - int(replica.get("offset", offset))
    if lag > MOST_LAG_SECONDS or behind > _MOST_BEHIND:
        what = f"{where} was last heard of {lag} s ago, and is {behind / _MIB:,.0f} MiB behind"
        return warning("redis_replica_behind", what, advice)
    return None
