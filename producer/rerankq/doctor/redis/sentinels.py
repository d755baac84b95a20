"""Whether all Sentinels of the address answer, and name the same primary."""

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, ok, split, warning
from rerankq.store.primary import named_by_each
from rerankq.store.sentinels import shown


async def look(set_up: SetUp) -> list[Finding]:
    """Ask each Sentinel. Connections ask one after the other, so they do not show which is away."""
    sentinels = set_up.redis.address.sentinels
    if sentinels is None:
        return []
    said = await named_by_each(sentinels)
    faults = [_fault(shown(each), why) for each, why in said.items() if not isinstance(why, tuple)]
    named = {shown(each) for each in said.values() if isinstance(each, tuple)}
    if len(named) > 1:
        faults.append(_disagreement(sorted(named)))
    if faults or not named:
        return faults
    what = f"{len(said)} of {len(said)} answer; the primary is {named.pop()}"
    return [ok("redis_sentinels", what)]


def _fault(place: str, why: str | None) -> Finding:
    what = f"the Sentinel at {place} does not answer"
    advice = "see whether it runs, and whether it speaks TLS"
    if why is not None:
        reason, advice = split(why)
        what = f"when the Sentinel at {place} is asked, the primary {reason}"
    return warning("redis_sentinel_of_no_use", what, advice)


def _disagreement(named: list[str]) -> Finding:
    return warning(
        "redis_sentinels_disagree",
        f"they name different primaries: {', '.join(named)}",
        "if that lasts longer than a failover, a Sentinel is cut off from the others: see its log",
    )
