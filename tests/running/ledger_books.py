"""Reads what the ledger holds about the jobs of a schedule, and checks that it is consistent."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis

from rerankq.contract import JobState
from rerankq.ledger.record_fields import record_from
from running.keys import KEYS
from running.ledger_lines import Place, place_of

LANES = ("bulk", "interactive")
STATES = ("queued", "scheduled", "running")
SETS = [f"rerankq:{lane}:{state}" for lane in LANES for state in STATES]
ENDS = (b"succeeded", b"failed", b"cancelled", b"expired")
DEADLINES = "rerankq:deadlines"
# One command reads everything, because the schedules spend most of their time here.
READ = """
local found = {}
for at, name in ipairs(ARGV) do
  local row = {redis.call('GET', 'rerankq:job:' .. name),
    redis.call('GET', 'celery-task-meta-' .. name),
    redis.call('EXISTS', 'rerankq:payload:' .. name),
    redis.call('EXISTS', 'rerankq:staged:' .. name)}
  for _, key in ipairs(KEYS) do row[#row + 1] = redis.call('ZSCORE', key, name) end
  found[at] = row
end
return found
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as it is stored in Redis; `scores` by the sets that contain it."""

    state: JobState | None
    lane: str
    result: bytes | None
    has_payload: bool
    is_staged: bool
    has_deadline: bool
    is_dead: bool
    is_held: bool
    scores: dict[str, float]

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.state is not None and self.state.ended

    @property
    def place(self) -> Place | None:
        """Its place in the queue, if it is queued."""
        score = self.scores.get(f"rerankq:{self.lane}:queued")
        return None if score is None else place_of(self.lane, score)

    @property
    def waits(self) -> bool:
        """Whether it waits for a time: for the end of its lease, or until it is due."""
        return self.state in {JobState.RUNNING, JobState.SCHEDULED} and not self.is_held

    def is_over(self, now: float) -> bool:
        """Whether its lease or its delay has ended."""
        return self.waits and all(at <= now for at in self.scores.values())


class Books:
    """Reads the ledger, and remembers the ends that it has seen.

    Args:
        redis: the ledger's Redis.
        batch: the batch of the jobs.
        names: jobs that may be submitted.
    """

    def __init__(self, redis: Redis, batch: str, names: Iterable[str]) -> None:
        self._redis = redis
        self._read = redis.register_script(READ)
        self._batch = batch
        self._names = list(names)
        self._replays: set[str] = set()
        self._ends: dict[str, tuple[JobState, bytes]] = {}
        self.forgotten: set[str] = set()
        self.entries: dict[str, Entry] = {}
        """All jobs as they were at the last check."""

    def replayed(self, name: str) -> None:
        """Record a replayed job, which is in no batch."""
        if name not in self._replays:
            self._names.append(name)
            self._replays.add(name)

    def is_in_batch(self, name: str) -> bool:
        """Whether the job of that name belongs to the batch."""
        return name not in self._replays

    def look(self, *names: str) -> dict[str, Entry]:
        """These jobs, or all jobs, as they are now."""
        asked = names or tuple(self._names)
        sets = [*SETS, KEYS.batch_held(self._batch)]
        answers = self._read(keys=[DEADLINES, KEYS.dead, *sets], args=asked)
        return {name: _entry(sets, *answer) for name, answer in zip(asked, answers, strict=True)}

    def depth(self, lane: str) -> int:
        """How many unfinished jobs a lane holds."""
        in_sets = sum(int(self._redis.zcard(f"rerankq:{lane}:{state}")) for state in STATES)
        return in_sets + sum(each.is_held and each.lane == lane for each in self.look().values())

    def check(self) -> None:
        """Check that each job is in one set or has one end, and that the batch counts both once."""
        entries = self.entries = self.look()
        for name, entry in entries.items():
            self._check_job(name, entry)
        in_batch = entries.keys() - self._replays
        counts = self._redis.hgetall(f"rerankq:batch:{self._batch}")
        assert int(counts[b"total"]) == sum(entries[each].state is not None for each in in_batch)
        ends = Counter(self._ends[each][0].value.encode() for each in in_batch & self._ends.keys())
        assert {end: int(counts.get(end, 0)) for end in ENDS} == {end: ends[end] for end in ENDS}
        states = {each: entries[each].state for each in in_batch}
        live = Counter("held" if entries[each].is_held else state for each, state in states.items())
        for place in ("running", "scheduled", "held"):
            assert int(counts.get(place.encode(), 0)) == live[place]
        for lane in LANES:
            held = sum(each.is_held and each.lane == lane for each in entries.values())
            assert int(self._redis.hget(KEYS.lane(lane), "held") or 0) == held

    def _check_job(self, name: str, entry: Entry) -> None:
        """Check for one end that never changes, or one place that fits the state."""
        assert not entry.is_staged
        kept = entry.state is JobState.FAILED and name not in self.forgotten
        assert entry.is_dead == kept
        if entry.state is None:
            assert (entry.scores, entry.result, entry.has_payload) == ({}, None, False)
        elif entry.ended:
            assert entry.scores == {}
            assert not entry.has_deadline
            assert entry.has_payload == kept
            assert entry.result is not None
            end = entry.state, entry.result
            assert self._ends.setdefault(name, end) == end
        else:
            place = f"rerankq:{entry.lane}:{entry.state}"
            assert [*entry.scores] == [KEYS.batch_held(self._batch) if entry.is_held else place]
            assert entry.has_payload
            assert entry.result is None
            assert name not in self._ends


def _entry(
    sets: list[str],
    stored: bytes | None,
    result: bytes | None,
    payload: int,
    staged: int,
    deadline: bytes | None,
    dead: bytes | None,
    *scores: bytes | None,
) -> Entry:
    record = record_from(stored)
    return Entry(
        state=JobState(record["state"]) if record else None,
        lane=record.get("lane", ""),
        result=result,
        has_payload=bool(payload),
        is_staged=bool(staged),
        has_deadline=deadline is not None,
        is_dead=dead is not None,
        is_held=record.get("held") is True and record["state"] is JobState.SCHEDULED,
        scores={key: float(at) for key, at in zip(sets, scores, strict=True) if at is not None},
    )
