"""The checks that need no other package."""

from collections.abc import Iterable
from typing import Final

from rerankq.doctor import machine, queues, settings, upstream, workers
from rerankq.doctor.check import Check, SetUp
from rerankq.doctor.extras import checks_of_extras
from rerankq.doctor.redis import (
    clock,
    durability,
    keyspace,
    latency,
    memory,
    persistence,
    replicas,
    rights,
    sentinels,
    server,
)

OWN: Final = (
    Check("settings", settings.look),
    Check("redis", server.look),
    Check("redis persistence", persistence.look),
    Check("redis durability", durability.look),
    Check("redis memory", memory.look),
    Check("redis rights", rights.look),
    Check("redis sentinels", sentinels.look),
    Check("redis replicas", replicas.look),
    Check("redis clock", clock.look),
    Check("redis latency", latency.look),
    Check("redis keys", keyspace.look),
    Check("queues", queues.look),
    Check("workers", workers.look),
    Check("upstream", upstream.look),
    Check("machine", machine.look),
)


def all_checks(set_up: SetUp) -> Iterable[Check]:
    """These, and those of all packages that are installed."""
    return [*OWN, *checks_of_extras(set_up)]
