"""SharedBreakers: they open for all workers, one worker probes, and they close for all."""

import asyncio
import json
from typing import Any

import pytest

from rerankq.accounts.breakers import BreakerState
from rerankq.accounts.scripts import NONSENSE_SCORES
from rerankq.store.store import Store
from running.ledger_desk import LedgerDesk

NAME = "key 1234"


def tripped(desk: LedgerDesk) -> dict[str, BreakerState]:
    return {name: each.state for name, each in desk.run(desk.breakers.tripped()).items()}


def test_every_breaker_is_closed_at_first(desk: LedgerDesk) -> None:
    """In an empty Redis every breaker is closed, and a probe needs no turn."""
    assert tripped(desk) == {}
    assert desk.probe(NAME)


def test_trip_parks_with_its_reason(desk: LedgerDesk) -> None:
    """A breaker that is certain at once is parked, with why, since when, and its next probe."""
    assert desk.trip(NAME) is BreakerState.PARKED
    breaker = desk.run(desk.breakers.tripped())[NAME]
    assert (breaker.code, breaker.reason, breaker.strikes) == ("a_code", "a reason", 1)
    assert breaker.since == pytest.approx(desk.now_ms(), abs=1000)
    assert breaker.probe_at == breaker.since + 60_000


def test_a_breaker_is_parked_after_three_failures(desk: LedgerDesk) -> None:
    """A breaker that needs three failures is doubted twice, probed each time, then parked."""
    states = []
    for _ in range(3):
        states.append(desk.trip(NAME, certain_after=3))
        desk.let_pass(5)
    assert states == [BreakerState.DOUBTED, BreakerState.DOUBTED, BreakerState.PARKED]


def test_calls_that_fail_together_count_once(desk: LedgerDesk) -> None:
    """A hundred calls in flight that all fail count as one."""
    states = {desk.trip(NAME, certain_after=3) for _ in range(100)}
    assert states == {BreakerState.DOUBTED}
    assert desk.run(desk.breakers.tripped())[NAME].strikes == 1


def test_doubted_is_probed_sooner_than_parked(desk: LedgerDesk) -> None:
    """A doubted breaker is probed in seconds, a parked one after a minute."""
    desk.trip(NAME, certain_after=2)
    desk.let_pass(5.1)
    assert desk.probe(NAME)
    assert desk.trip(NAME, certain_after=2) is BreakerState.PARKED
    desk.let_pass(50)
    assert not desk.probe(NAME)
    desk.let_pass(11)
    assert desk.probe(NAME)


def test_another_failure_does_not_hide_that_scores_are_nonsense(desk: LedgerDesk) -> None:
    """Rankings of jobs would end the other failure, but not this one; its reason stays."""
    desk.trip(NAME, code=NONSENSE_SCORES)
    assert desk.trip(NAME, code="upstream_model", certain_after=3) is BreakerState.PARKED
    assert desk.run(desk.breakers.tripped())[NAME].code == NONSENSE_SCORES
    desk.trip(NAME, code=NONSENSE_SCORES, reason="worse")
    assert desk.run(desk.breakers.tripped())[NAME].reason == "worse"


def test_one_worker_has_the_turn(desk: LedgerDesk) -> None:
    """If many workers want to probe at the same time, one may, until the next probe is due."""
    desk.trip(NAME)
    desk.let_pass(60)

    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(desk.breakers.probe(NAME) for _ in range(8)))

    assert sum(desk.run(all_at_once())) == 1
    assert not desk.probe(NAME)
    desk.let_pass(60)
    assert desk.probe(NAME)


def test_paused_is_never_probed(desk: LedgerDesk) -> None:
    """A breaker that an operator paused waits for an operator."""
    desk.trip(NAME, state=BreakerState.PAUSED, probe_seconds=None)
    desk.let_pass(1e6)
    assert not desk.probe(NAME)


def test_failure_does_not_undo_a_pause(desk: LedgerDesk) -> None:
    """A call that fails after the pause changes neither its state nor its reason."""
    desk.trip(NAME, state=BreakerState.PAUSED, probe_seconds=None)
    before = desk.run(desk.breakers.tripped())
    assert desk.trip(NAME) is BreakerState.PAUSED
    assert desk.run(desk.breakers.tripped()) == before


def test_pause_overrides_parking(desk: LedgerDesk) -> None:
    """A parked breaker can be paused, and is probed no more."""
    desk.trip(NAME)
    assert desk.trip(NAME, state=BreakerState.PAUSED, probe_seconds=None) is BreakerState.PAUSED
    desk.let_pass(120)
    assert not desk.probe(NAME)


def test_a_reset_closes_a_breaker_for_all(desk: LedgerDesk, redis_url: str) -> None:
    """After a reset the breaker is closed for every worker, and has no strikes."""
    desk.trip(NAME, certain_after=2)
    assert desk.run(desk.breakers.reset(NAME, "key never tripped")) == 1
    assert desk.run(desk.breakers.reset(NAME)) == 0

    async def seen_by_another() -> bool:
        async with Store(redis_url) as store:
            return await type(desk.breakers)(store).probe(NAME)

    assert desk.run(seen_by_another())
    desk.let_pass(60)
    assert desk.trip(NAME, certain_after=2) is BreakerState.DOUBTED


def test_breakers_are_independent(desk: LedgerDesk) -> None:
    """Each breaker opens, is probed and closes independently."""
    desk.trip("key a")
    desk.trip("model site m", certain_after=3)
    assert tripped(desk) == {"key a": BreakerState.PARKED, "model site m": BreakerState.DOUBTED}
    desk.run(desk.breakers.reset("key a"))
    assert tripped(desk) == {"model site m": BreakerState.DOUBTED}


def test_turns_are_taken_together_or_not_at_all(desk: LedgerDesk) -> None:
    """A call that probes a key and a model takes both turns; if one is not due it takes none."""
    desk.trip("key a")
    desk.let_pass(60)
    desk.trip("model site m")
    assert not desk.probe("key a", "model site m")
    assert desk.probe("key a")
    desk.let_pass(60)
    assert desk.probe("key a", "model site m", "key that is open")
    assert not desk.probe("model site m")


def test_made_up_models_do_not_fill_the_breakers(desk: LedgerDesk) -> None:
    """Beyond 200 open breakers no model's breaker opens, but those of keys do."""
    for number in range(200):
        assert desk.trip(f"model site m{number}", certain_after=3) is BreakerState.DOUBTED
    assert desk.trip("model site one-more") is None
    assert len(tripped(desk)) == 200
    assert desk.trip("key a") is BreakerState.PARKED
    assert desk.trip("model site m0") is BreakerState.PARKED


def test_unused_breakers_are_forgotten(desk: LedgerDesk) -> None:
    """A breaker that no worker tripped or probed for a day is deleted; a paused one stays."""
    desk.trip("key old")
    desk.trip("key probed")
    desk.trip("account a", state=BreakerState.PAUSED, probe_seconds=None)
    desk.let_pass(25 * 3600)
    assert desk.probe("key probed")
    desk.look()
    assert "key old" in tripped(desk)
    assert set(desk.exchange(want=1).tripped) == {"key probed", "account a"}
    assert set(tripped(desk)) == {"key probed", "account a"}


# Breakers that another version stored, or that are damaged.

SOUND: dict[str, Any] = {
    "state": "parked",
    "code": "a_code",
    "reason": "a reason",
    "strikes": 1,
    "since": 1,
    "struck_at": 1,
    "every": 60_000,
    "probe_at": 1,
}
ODD = [
    pytest.param("nonsense", id="no JSON"),
    pytest.param("7", id="no object"),
    pytest.param(b"\xff\xfe", id="no text"),
    pytest.param('{"state":"parked"}', id="no times"),
    pytest.param(json.dumps(SOUND | {"probe_at": "soon"}), id="a time that is none"),
    pytest.param(json.dumps(SOUND).replace("60000", "1e999"), id="a time without an end"),
    pytest.param(json.dumps(SOUND | {"state": {}}), id="a state that is none"),
]


def store(desk: LedgerDesk, name: str | bytes, breaker: str | bytes) -> None:
    desk.redis.hset("rerankq:circuits", name, breaker)


@pytest.mark.parametrize("odd", ODD)
def test_damaged_breaker_counts_as_closed(desk: LedgerDesk, odd: str | bytes) -> None:
    """A damaged breaker counts as closed, and does not hide the others."""
    desk.trip(NAME)
    store(desk, "model site odd", odd)
    store(desk, b"key \xff", odd)
    assert set(tripped(desk)) == {NAME}
    assert set(desk.look().tripped) == {NAME}
    assert desk.probe("model site odd")
    assert desk.trip("model site odd", certain_after=2) is BreakerState.DOUBTED
    assert set(tripped(desk)) == {NAME, "model site odd"}


@pytest.mark.parametrize("odd", ODD)
def test_damaged_breaker_is_deleted(desk: LedgerDesk, odd: str | bytes) -> None:
    """A damaged breaker is deleted with those that are not used any more."""
    store(desk, "model site odd", odd)
    assert desk.exchange(want=1).tripped == {}
    assert desk.redis.hlen("rerankq:circuits") == 0


def test_newer_version_may_add_fields_to_a_breaker(desk: LedgerDesk) -> None:
    """A field that this version does not know is kept, and does no harm."""
    store(desk, NAME, json.dumps(SOUND | {"probe_at": desk.now_ms(), "prospect": {"of": 0.5}}))
    assert tripped(desk) == {NAME: BreakerState.PARKED}
    assert set(desk.exchange(want=1).tripped) == {NAME}
    assert desk.probe(NAME)
    assert desk.trip(NAME) is BreakerState.PARKED
    assert json.loads(desk.redis.hget("rerankq:circuits", NAME) or "")["prospect"] == {"of": 0.5}


def test_newer_version_may_add_states(desk: LedgerDesk) -> None:
    """A breaker in a state that this version does not know counts as closed, and is kept."""
    desk.trip("key a")
    store(desk, NAME, json.dumps(SOUND | {"state": "resting", "probe_at": desk.now_ms()}))
    assert tripped(desk) == {"key a": BreakerState.PARKED}
    assert set(desk.exchange(want=1).tripped) == {"key a"}
    assert desk.redis.hexists("rerankq:circuits", NAME)
