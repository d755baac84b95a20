"""What waits: jobs of each lane, messages, messages that were no hints, and failed jobs."""

from typing import Final

from rerankq.broker.backlog import Backlog
from rerankq.broker.quarantine import Quarantine
from rerankq.contract import Lane
from rerankq.counting import counted
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok, warning
from rerankq.errors import SettingsError
from rerankq.ledger.presence import SILENT_SECONDS, Presence
from rerankq.ledger.waiting import WaitingJobs
from rerankq.settings import ClientSettings
from rerankq.store.store import Store

NEARLY: Final = 0.8


async def look(set_up: SetUp) -> list[Finding]:
    """Each lane with its depth and its messages, and what was put aside."""
    store = await set_up.redis.store()
    served = await Presence(store).served_lanes()
    most = _most(set_up.env_file)
    found = []
    for lane in Lane:
        found += await _lane(store, lane, most, is_served=lane in served)
    return [*found, *await _put_aside(store), *await _failed(store)]


async def _lane(store: Store, lane: Lane, most: int, *, is_served: bool) -> list[Finding]:
    waiting = WaitingJobs(store)
    depth, queued = await waiting.depth(lane), (await waiting.queued())[lane]
    messages = await Backlog(store, lane).hints()
    what = f"lane {lane}: {counted(depth, 'job')} of {most:,}, {queued:,} of them queued"
    found = []
    if depth >= most:
        advice = "start more workers, or raise RERANKQ_MAX_QUEUE_DEPTH if Redis has the memory"
        found.append(fault("lane_full", f"{what}: new jobs are refused", advice))
    elif depth >= NEARLY * most:
        advice = "start more workers, or submit more slowly: a full lane refuses jobs"
        found.append(warning("lane_nearly_full", what, advice))
    if queued and not is_served:
        who = f"no worker has served it for {SILENT_SECONDS:g} seconds"
        found.append(
            fault("lane_unserved", f"{what}, and {who}", f"start `rerankq worker --lane {lane}`")
        )
    if messages and not depth:
        said = f"lane {lane}: {counted(messages, 'message')}, but no job that has not ended"
        advice = "nothing has to be done: the next worker drops messages of jobs that have ended"
        found.append(note("messages_stale", said, advice))
    return found or [ok("lane_depth", f"{what}; {counted(messages, 'message')}")]


async def _put_aside(store: Store) -> list[Finding]:
    quarantine = Quarantine(store)
    kept = await quarantine.messages(1)
    if not kept:
        return []
    counts = ", ".join(f"{fault} {n:,}" for fault, n in sorted((await quarantine.counts()).items()))
    return [
        warning(
            "messages_put_aside",
            f"workers put messages aside that are no hints (in all: {counts})",
            "`rerankq dead poison` shows them, and helps to find who sends to these queues",
        )
    ]


async def _failed(store: Store) -> list[Finding]:
    count = int(await store.command("ZCARD", store.keys.dead))
    if not count:
        return []
    return [
        note(
            "jobs_failed",
            f"{counted(count, 'failed job')} kept",
            "`rerankq dead list` shows why, `rerankq dead replay` tries again",
        )
    ]


def _most(env_file: str) -> int:
    try:
        return ClientSettings.load(env_file).max_queue_depth
    except SettingsError:
        # The check of the settings tells it.
        return int(ClientSettings.model_fields["max_queue_depth"].default)
