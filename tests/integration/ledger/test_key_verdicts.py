"""What is at fault if a key is refused to a worker: later calls of other workers decide."""

import pytest

from rerankq.accounts.accounts import Blame
from running.ledger_desk import LedgerDesk

KEY = "fingerprint"


def refuse(desk: LedgerDesk, worker: str, *, seconds: float) -> Blame | None:
    """Let a key be refused to a worker for some seconds; returns what is at fault."""
    return desk.exchange(worker, want=1, refused={KEY: seconds * 1000}).verdicts.get(KEY)


def serve(desk: LedgerDesk, worker: str, *, began: float, took: float = 0.0) -> None:
    """Let a worker get a ranking, from a call that began `began` seconds ago."""
    desk.exchange(worker, want=1, ok=1, served={KEY: began * 1000}, took_ms=took * 1000)


def test_a_worker_that_is_refused_while_others_are_ranked_is_at_fault(desk: LedgerDesk) -> None:
    """A ranking from a later call shows that the key is good, unless it came too soon after."""
    serve(desk, "well", began=0)
    assert refuse(desk, "ill", seconds=0.9) is None
    assert refuse(desk, "ill", seconds=1.1) is Blame.WORKER


def test_a_call_that_began_before_the_refusals_proves_nothing(desk: LedgerDesk) -> None:
    """Calls in flight still get rankings after a key was revoked, and they may be long."""
    serve(desk, "well", began=4, took=4)
    assert refuse(desk, "ill", seconds=2) is None
    serve(desk, "well", began=3, took=4)
    assert refuse(desk, "ill", seconds=3) is None


def test_most_workers_are_believed_at_once(desk: LedgerDesk) -> None:
    """When more than half of the workers are refused, and none gets a ranking, it is the key."""
    for each in ("one", "two", "three", "four"):
        serve(desk, each, began=1)
    verdicts = [refuse(desk, each, seconds=0.1) for each in ("one", "two", "three")]
    assert verdicts == [None, None, Blame.KEY]
    assert refuse(desk, "one", seconds=0.2) is Blame.KEY


def test_the_majority_does_not_count_if_a_worker_is_ranked(desk: LedgerDesk) -> None:
    """Three workers behind an address that is not allowed do not park the key for the others."""
    for each in ("one", "two", "three"):
        refuse(desk, each, seconds=1.5)
    serve(desk, "well", began=0.5)
    assert {refuse(desk, each, seconds=1.6) for each in ("one", "two")} == {Blame.WORKER}


@pytest.mark.parametrize("others", [0, 1])
def test_the_only_active_worker_is_believed(others: int, desk: LedgerDesk) -> None:
    """No other worker could get a ranking: workers without calls for a while do not count."""
    if others:
        serve(desk, "idle", began=0)
        desk.let_pass(7)
    assert refuse(desk, "one", seconds=0.1) is Blame.KEY


@pytest.mark.parametrize(("took", "patience"), [(0.1, 2.7), (2, 6.5), (4, 10.5)])
def test_it_is_the_key_when_nobody_is_ranked_any_more(
    took: float, patience: float, desk: LedgerDesk
) -> None:
    """The verdict waits for answers to other workers, longer if answers take longer."""
    serve(desk, "other", began=patience, took=took)
    assert refuse(desk, "one", seconds=patience - 0.2) is None
    assert refuse(desk, "one", seconds=patience + 0.2) is Blame.KEY


def test_a_damaged_record_is_ignored(desk: LedgerDesk) -> None:
    """Damaged values are ignored."""
    for stored in ("{nonsense", "[1]", f'{{"{KEY}": 5}}', f'{{"{KEY}": {{"one": 5}}}}'):
        desk.redis.hset("rerankq:account:a", "keys_refused", stored)
        assert refuse(desk, "one", seconds=0.1) is Blame.KEY
