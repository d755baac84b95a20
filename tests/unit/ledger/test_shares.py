"""Fair shares: how claims of a lane are dealt among tenants."""

from collections import Counter
from itertools import combinations
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from running.keys import KEYS
from running.shared_lane import LANE, SharedLane, tenant_of

QUANTUM: Final = 500
"""Tokens that a visit adds to a share of weight 1."""
LEAST_COST: Final = 100
"""What each job counts at least."""
NAMES: Final = ("a", "b", "c")
costs = st.lists(st.integers(2, 12_000), min_size=1, max_size=25)


@given(
    loads=st.fixed_dictionaries(dict.fromkeys(NAMES, costs)),
    weights=st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from([0.5, 1.0, 3.0]))),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
@settings(max_examples=25, deadline=None)
def test_no_tenant_with_queued_jobs_is_left_behind(
    loads: dict[str, list[int]], weights: dict[str, float], sizes: list[int]
) -> None:
    """Tokens served by weight differ by two visits and a job each, while both have queued jobs."""
    lane = SharedLane()
    for name in NAMES:
        lane.set(name, weight=weights[name])
        lane.submit(name, loads[name])
    left, tokens = Counter({name: len(loads[name]) for name in NAMES}), Counter[str]()
    dearest = {name: max(LEAST_COST, *loads[name]) for name in NAMES}
    turn = 0
    while lane.hints:
        for job_id in lane.claim(sizes[turn % len(sizes)]):
            name = tenant_of(job_id)
            left[name] -= 1
            tokens[name] += max(LEAST_COST, lane.costs[job_id])
            for one, other in combinations([each for each in NAMES if left[each]], 2):
                served = [tokens[each] / weights[each] for each in (one, other)]
                slack = sum(dearest[each] / weights[each] for each in (one, other))
                assert abs(served[0] - served[1]) <= 2 * QUANTUM + slack
        turn += 1
    assert not +left, "as many jobs are served as there were hints"
    assert len({lease.job_id for lease in lane.served}) == len(lane.costs)


def test_ten_jobs_are_not_held_up_by_thousands() -> None:
    """Ten jobs submitted behind 2,000 of another are served with the next twenty hints or so."""
    lane = SharedLane()
    lane.submit("crowd", [100] * 2000)
    lane.submit("few", [100] * 10)
    first = [job_id for _ in range(20) for job_id in lane.claim(20)]
    assert [tenant_of(each) for each in first[:200]].count("few") == 10


def test_one_tenant_alone_is_served_in_order() -> None:
    """With nobody to share with, jobs are claimed by their own hints, in the order submitted."""
    lane = SharedLane()
    ids = lane.submit("a", [50, 9000, 3, 20_000, 7] * 10)
    served = [job_id for _ in range(10) for job_id in lane.claim(5)]
    assert served == ids
    assert not any(lease.named not in ("", lease.job_id) for lease in lane.served)


def test_jobs_without_a_tenant_are_claimed_by_name() -> None:
    """The operator's jobs take no part: a hint of one claims that one, and no tenant's."""
    lane = SharedLane()
    lane.submit("a", [10] * 5)
    own = lane.submit(None, [10] * 5)
    lane.submit("b", [10] * 5)
    assert lane.claim_named(own[1:3]) == own[1:3]
    assert len(lane.claim(5)) == 5


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_a_repeated_claim_gets_the_same_jobs(sizes: list[int]) -> None:
    """A claim whose answer was lost is repeated under its name, in other portions too."""
    lane = SharedLane()
    lane.submit("a", [3000] * 20)
    lane.submit("b", [500] * 20)
    names = [lane.hints.popleft() for _ in range(12)]
    given_first = lane.claim_named(names, request="one")
    again: list[str] = []
    at = 0
    while at < len(names):
        size = sizes[at % len(sizes)]
        again += lane.claim_named(names[at : at + size], request="one")
        at += size
    assert sorted(again) == sorted(given_first)
    assert lane.size(KEYS.lane_set(LANE, "running")) == 12


def test_a_lost_hint_loses_no_job() -> None:
    """Later hints serve the jobs of lost ones; once the queue is empty, the rest is named again."""
    lane = SharedLane()
    lane.submit("a", [100] * 30)
    lane.submit("b", [100] * 30)
    for _ in range(20):
        lane.hints.remove(lane.hints[len(lane.hints) // 2])
    while lane.hints:
        lane.claim(7)
    assert len(lane.served) == 40
    lane.sweep_until_lost()
    assert len(lane.hints) == 20
    while lane.hints:
        lane.claim(7)
    assert len({lease.job_id for lease in lane.served}) == 60
    lane.sweep_until_lost()
    assert not lane.hints


def test_hints_that_come_twice_do_no_harm() -> None:
    """Each job is claimed once, however often it is named."""
    lane = SharedLane()
    for name in ("a", "b"):
        ids = lane.submit(name, [100] * 10)
        lane.hints.extend(ids)
    while lane.hints:
        lane.claim(6)
    assert len(lane.served) == len({lease.job_id for lease in lane.served}) == 20


def test_no_more_jobs_run_than_the_tenant_may() -> None:
    """What is over `in_flight` waits until others end, is named again then, and holds up nobody."""
    lane = SharedLane()
    lane.set("few", in_flight=3)
    lane.submit("few", [100] * 10)
    lane.submit("many", [100] * 10)
    while lane.hints:
        lane.claim(5)
    assert (lane.running("few"), lane.running("many")) == (3, 10)
    assert lane.sweep() == []
    ended: set[str] = set()
    for _ in range(4):
        served = {each.job_id for each in lane.served if tenant_of(each.job_id) == "few"}
        for job_id in served - ended:
            lane.finish(job_id)
        ended |= served
        lane.sweep()
        while lane.hints:
            lane.claim(5)
        assert lane.running("few") <= 3
    assert len({each.job_id for each in lane.served}) == 20


@pytest.mark.parametrize("lost", ["shares", "turns", "queue", "all"])
def test_jobs_are_served_though_keys_are_lost(lost: str) -> None:
    """Whatever somebody deletes of the shares, hints still serve all jobs, each once."""
    lane = SharedLane()
    for name in ("a", "b"):
        lane.submit(name, [4000] * 10)
    lane.claim(6)
    keys = {
        "shares": [KEYS.shares(LANE)],
        "turns": [KEYS.turns(LANE)],
        "queue": [KEYS.tenant_queue(LANE, "b")],
    }
    named = keys.get(lost) or [key for each in keys.values() for key in each]
    lane.forget(*named)
    while lane.hints:
        lane.claim(6)
    lane.sweep_until_lost()
    while lane.hints:
        lane.claim(6)
    assert len(lane.served) == len({each.job_id for each in lane.served}) == 20
