"""The ledger's rules hold after any order of calls, for two jobs and two workers.

Not a sample: all orders of up to a certain number of moves are tried, also with calls whose answers
are lost and which are repeated later. The chaos row `exploration` goes further.
"""

from collections.abc import Callable
from typing import Any

import pytest

from rerankq.ledger.scripts import CANCEL, CLAIM, FINISH, POSTPONE, RENEW, SUBMIT, SWEEP
from rerankq.store.script import Script
from running.exploration.ledger import START_MS, Ledger
from running.exploration.search import Search
from running.exploration.world import Broken
from running.small_redis.keyspace import Keyspace
from running.small_redis.store import SmallStore, text_of

CLAIMED = ("a is submitted", "b is submitted", "first claims a", "second claims b")
LEASE_LOST = (
    *("a is submitted", "first claims a", "the reconciler sweeps"),
    *("time passes", "the reconciler sweeps"),
)
FOUND_WITHIN = 4
"""After this many moves a rule is broken if a protection is switched off."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("key", "opening", "depth"),
    [
        (None, (), 6),
        ("a key", (), 6),
        (None, CLAIMED, 4),
        (None, LEASE_LOST, 4),
    ],
    ids=["from nothing", "with a key", "both claimed", "a lease lost"],
)
def test_rules_hold_after_any_order_of_calls(
    key: str | None, opening: tuple[str, ...], depth: int
) -> None:
    """After any order of moves no job is lost, none has two ends, and each ends."""
    search = Search(Ledger(key), ending_depth=len(opening) + 2)
    search.go(depth, opening)
    assert search.states > 500, "there was something to look at"


@pytest.mark.parametrize(
    ("original", "broken", "opening", "key"),
    [
        pytest.param(*each, id=name)
        for name, each in {
            "a stale lease counts": (" and token_of(job) == token", "", LEASE_LOST, None),
            "a job that is not running ends": ("job.state == 'running' and ", "", (), None),
            "what is not queued is given out": (
                *("in_time and job.state == 'queued' then", "in_time then", (), None),
            ),
            "a claim's repeat is unknown": ("job.request == request", "false", (), None),
            "any claim is taken for a repeat": (" and job.request == request", "", (), None),
            "a job is given up for pauses": (
                *("dead >= most_deaths and", "away >= 1 and", LEASE_LOST, None),
            ),
            "a known job is recorded again": (
                *("some and redis.call('EXISTS', job_key(job.id)) == 1", "false", (), None),
            ),
            "a key leads to many jobs": ("job.key and earlier(job)", "nil", (), "a key"),
            "an ended job stays in its lane": (
                *("move(id, job, state)", "job.state = state", (), None),
            ),
            "a hint lost in a busy lane is not found": (
                *("below = math.max(below, number(mark))", "", (), None),
            ),
            "a hint lost in an idle lane is not found": (
                *("elseif now - number(idle_at) >= grace then", "elseif false then", (), None),
            ),
            "leases do not run out": (
                *("expired_leases(lane, announce, orphans)\n  due", "due", (), None),
            ),
            "what is due is not queued": (
                *("due_jobs(lane, announce, orphans)\n  lost", "lost", (), None),
            ),
            "an ended job is cancelled": (
                *("if is_open(before[at]) then", "if before[at] ~= '' then", (), None),
            ),
            "an end leaves the payload": (
                *("gather('DEL', payload_key(id))\n  end\n  if", "end\n  if", (), None),
            ),
            "an end is counted twice": (
                *(
                    "'HINCRBY', batch_key(batch), field, by",
                    "'HINCRBY', batch_key(batch), field, 2 * by",
                ),
                *((), None),
            ),
        }.items()
    ],
)
def test_without_a_protection_a_rule_is_broken(
    original: str, broken: str, opening: tuple[str, ...], key: str | None
) -> None:
    """If one protection is switched off, the same search finds a broken rule."""
    called: tuple[Script[..., Any], ...] = (CLAIM, RENEW, FINISH, POSTPONE, CANCEL, SUBMIT, SWEEP)
    assert any(original in text_of(each) for each in called), "the line is gone"

    def spoilt(script: Script[..., Any]) -> str:
        return text_of(script).replace(original, broken)

    with pytest.raises(Broken):
        _search(spoilt, key, opening)


def _search(
    texts: Callable[[Script[..., Any]], str], key: str | None, opening: tuple[str, ...]
) -> None:
    """Search with growing depth, because most faults need few moves."""
    for depth in range(1, FOUND_WITHIN + 1):
        ledger = Ledger(key, store=SmallStore(Keyspace(START_MS), texts))
        Search(ledger, ending_depth=len(opening) + depth).go(depth, opening)
