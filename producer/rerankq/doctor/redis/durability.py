"""Whether Redis can give what `RERANKQ_DURABILITY` demands, and whether more should be demanded."""

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok, split
from rerankq.errors import SettingsError
from rerankq.store.first_contact import look as contact
from rerankq.store.write_concern import Durability


async def look(set_up: SetUp) -> list[Finding]:
    """Write as a submit would, and wait as it would."""
    settings = set_up.redis.settings()
    concern = settings.write_concern
    # It is found out once whether Redis answers at all.
    await set_up.redis.store()
    if concern.durability is Durability.MEMORY:
        return _memory(with_sentinel=set_up.redis.address.sentinels is not None)
    try:
        problem = await contact(settings.redis_url, settings.namespace, concern=concern)
    except SettingsError as error:
        return [_missing(str(error))]
    if problem:
        return [_missing(str(problem))]
    wanted = "its disk has it"
    if concern.durability is Durability.REPLICA:
        wanted = f"{concern.replicas} of its replicas have it"
    what = f"RERANKQ_DURABILITY={concern.durability}: a submit returns when {wanted}"
    return [ok("redis_durability", what)]


def _missing(problem: str) -> Finding:
    what, advice = split(problem)
    return fault(
        "redis_durability_missing",
        f"submits fail: {what}",
        advice or "see RERANKQ_DURABILITY (docs/redis.md)",
    )


def _memory(*, with_sentinel: bool) -> list[Finding]:
    if not with_sentinel:
        return []
    return [
        note(
            "redis_failover_loses",
            "a failover loses what the new primary has not received yet, accepted jobs too",
            "set RERANKQ_DURABILITY=replica, if no accepted job may be lost",
        )
    ]
