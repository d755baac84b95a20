"""What Redis is, and whether it takes a ledger's writes."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

from rerankq.counting import counted
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import (
    NOT_CHECKED,
    CannotCheckError,
    Finding,
    fault,
    note,
    ok,
    split,
    warning,
)
from rerankq.store.address import RedisAddress

LEAST: Final = (6, 2)
_DAY_HOURS: Final = 24
_SILENT: Final = (
    "check host and port, whether it speaks TLS (rediss:// is for TLS, redis:// for none), and "
    "its load"
)
_OTHERS: Final = ("dragonfly_version", "keydb_version", "garnet_version", "kvrocks_version")


async def look(set_up: SetUp) -> list[Finding]:
    """Whether it can be used; what it is; and whether a stranger could use it."""
    redis = set_up.redis
    address = redis.address
    if problem := await redis.problem():
        what, advice = split(problem)
        return [fault("redis_unusable", what, advice or _SILENT)]
    reached = ok("redis_usable", f"Redis at {address.public_url} can be used")
    try:
        kind = _kind(await redis.info())
    except CannotCheckError as reason:
        kind = [note(NOT_CHECKED, f"which server it is: {reason}")]
    return [reached, *_open(address), *kind]


def _open(address: RedisAddress) -> list[Finding]:
    if address.password or address.path or _is_loopback(address.host):
        return []
    return [
        warning(
            "redis_no_password",
            f"the address of Redis at {address.shown} has no password: whoever reaches it can read "
            "all jobs",
            "give Redis a password or ACL users, and write it into RERANKQ_REDIS_URL",
        )
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _kind(info: Mapping[str, Any]) -> list[Finding]:
    if int(info.get("cluster_enabled", 0)):
        return [
            fault(
                "redis_cluster",
                "this is a Redis Cluster, which rerankq's scripts do not support",
                "point RERANKQ_REDIS_URL at a single Redis",
            )
        ]
    for field in _OTHERS:
        if field in info:
            name = field.removesuffix("_version")
            what = f"this is {name} {info[field]}: rerankq is tested with Redis and Valkey only"
            return [note("redis_other_server", what, "use Redis or Valkey where it matters")]
    named = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = str(info.get("valkey_version" if named == "Valkey" else "redis_version", ""))
    if _numbers(str(info.get("redis_version", ""))) < LEAST:
        return [
            fault(
                "redis_too_old",
                f"this is {named} {version}; 6.2 or newer is needed",
                "upgrade it",
            )
        ]
    hours = int(info.get("uptime_in_seconds", 0)) // 3600
    up = counted(hours // _DAY_HOURS, "day") if hours >= _DAY_HOURS else counted(hours, "hour")
    return [ok("redis_server", f"{named} {version}, up for {up}")]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:2])
