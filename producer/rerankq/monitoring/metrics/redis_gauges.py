"""Memory and persistence of Redis, from INFO.

Source: https://redis.io/docs/latest/commands/info/
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.catalogue import Described

_FIELDS: Final = (
    (catalogue.REDIS_MEMORY, "used_memory"),
    (catalogue.REDIS_MOST, "maxmemory"),
    (catalogue.REDIS_AOF, "aof_enabled"),
    (catalogue.REDIS_SAVED, "rdb_last_save_time"),
    (catalogue.REDIS_CLIENTS, "connected_clients"),
    (catalogue.REDIS_REPLICAS, "connected_slaves"),
    (catalogue.REDIS_COMMANDS, "total_commands_processed"),
)
_STATES: Final = (
    (catalogue.REDIS_AOF_OK, "aof_last_write_status"),
    (catalogue.REDIS_SAVE_OK, "rdb_last_bgsave_status"),
)


def redis_values(info: Mapping[str, Any]) -> Iterator[tuple[Described, float]]:
    """What INFO tells; a field that this server does not have is left out."""
    for described, field in _FIELDS:
        if isinstance(info.get(field), int | float):
            yield described, float(info[field])
    for described, field in _STATES:
        if field in info:
            yield described, float(info[field] == "ok")
    if "maxmemory_policy" in info:
        yield catalogue.REDIS_EVICTS, float(info["maxmemory_policy"] != "noeviction")
