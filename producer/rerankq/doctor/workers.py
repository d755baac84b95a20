"""Which workers are about: lanes, versions, and when they were last heard of."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from rerankq.contract import Lane
from rerankq.counting import counted
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, note, ok, warning
from rerankq.ledger.presence import KnownWorker, Presence


async def look(set_up: SetUp) -> list[Finding]:
    """Those that were heard of within a day."""
    return findings(await Presence(await set_up.redis.store()).workers(), own=version("rerankq"))


def findings(workers: Sequence[KnownWorker], *, own: str) -> list[Finding]:
    """What these workers mean.

    Args:
        workers: the newest first.
        own: the version of this installation.
    """
    about = [each for each in workers if each.serves]
    if not about:
        last = f": the last was heard of {_ago(workers[0].silent_seconds)} ago" if workers else ""
        return [
            warning("workers_none", f"no worker serves this Redis{last}", "start `rerankq worker`")
        ]
    lanes = Counter(each.lane for each in about)
    named = ", ".join(f"{count} of lane {lane}" for lane, count in sorted(lanes.items()))
    heard = max(each.silent_seconds for each in about)
    what = f"{counted(len(about), 'worker')} at work: {named}; heard of within {heard:,.0f} s"
    found = [ok("workers", what)]
    found += [
        note(
            "workers_lane_without",
            f"no worker serves the lane {lane}",
            f"start `rerankq worker --lane {lane}`, if jobs are submitted there",
        )
        for lane in Lane
        if lane.value not in lanes and not set(lanes) - set(Lane)
    ]
    return [*found, *_versions(about, own), *_silent(workers)]


def _versions(about: Sequence[KnownWorker], own: str) -> list[Finding]:
    versions = Counter(each.version or "unknown (older than 0.2)" for each in about)
    if len(versions) > 1:
        named = ", ".join(f"{each}: {count}" for each, count in sorted(versions.items()))
        return [
            warning(
                "workers_mixed",
                f"workers have different versions ({named})",
                "bring all to one version; until then jobs use what the oldest of them knows",
            )
        ]
    (only,) = versions
    if only != own:
        what = f"workers have version {only}, and this installation {own}"
        return [note("workers_other_version", what, "bring both to one version")]
    return []


def _silent(workers: Sequence[KnownWorker]) -> list[Finding]:
    gone = [each for each in workers if not each.serves and each.version]
    if not gone:
        return []
    # Its record lasts for a minute and a half, so it went silent a moment ago.
    named = ", ".join(f"{each.name} ({_ago(each.silent_seconds)})" for each in gone[:3])
    return [
        note(
            "workers_silent",
            f"{counted(len(gone), 'worker')} went silent a moment ago: {named}",
            "if nobody stopped them, see their logs; other workers take their jobs",
        )
    ]


def _ago(seconds: float) -> str:
    for size, noun in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            return counted(int(seconds // size), noun)
    return counted(int(seconds), "second")
