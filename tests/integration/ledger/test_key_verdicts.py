"""Who is at fault that a key is refused to a worker: told by what the others met since."""

import pytest

from rerankq.accounts.accounts import Blame
from running.ledger_desk import LedgerDesk

KEY = "fingerprint"


def refuse(desk: LedgerDesk, worker: str, *, seconds: float) -> Blame | None:
    """Let a key be refused to a worker for so long; returns who is at fault."""
    return desk.exchange(worker, want=1, refused={KEY: seconds * 1000}).verdicts.get(KEY)


def serve(desk: LedgerDesk, worker: str, *, began: float, took: float = 0.0) -> None:
    """Let a worker be ranked, to a call that began so many seconds ago."""
    desk.exchange(worker, want=1, ok=1, served={KEY: began * 1000}, took_ms=took * 1000)


def test_who_is_refused_while_others_are_ranked_is_at_fault(desk: LedgerDesk) -> None:
    """A call that began since, and was ranked, shows that the key is well; but not in a moment."""
    serve(desk, "well", began=0)
    assert refuse(desk, "ill", seconds=0.9) is None
    assert refuse(desk, "ill", seconds=1.1) is Blame.WORKER


def test_a_call_that_began_before_the_refusals_proves_nothing(desk: LedgerDesk) -> None:
    """A key that is revoked ranks the calls under way, and those may be long."""
    serve(desk, "well", began=4, took=4)
    assert refuse(desk, "ill", seconds=2) is None
    serve(desk, "well", began=3, took=4)
    assert refuse(desk, "ill", seconds=3) is None


def test_most_workers_are_believed_at_once(desk: LedgerDesk) -> None:
    """Where more than half of those at work are refused, and nobody is ranked, it is the key."""
    for each in ("one", "two", "three", "four"):
        serve(desk, each, began=1)
    verdicts = [refuse(desk, each, seconds=0.1) for each in ("one", "two", "three")]
    assert verdicts == [None, None, Blame.KEY]
    assert refuse(desk, "one", seconds=0.2) is Blame.KEY


def test_the_words_of_most_are_void_when_somebody_is_ranked(desk: LedgerDesk) -> None:
    """Three workers behind one address that is not let in close the key for nobody else."""
    for each in ("one", "two", "three"):
        refuse(desk, each, seconds=1.5)
    serve(desk, "well", began=0.5)
    assert {refuse(desk, each, seconds=1.6) for each in ("one", "two")} == {Blame.WORKER}


@pytest.mark.parametrize("others", [0, 1])
def test_the_only_worker_at_work_is_believed(others: int, desk: LedgerDesk) -> None:
    """Nobody else could be ranked; one that has not called for a while is not at work."""
    if others:
        serve(desk, "idle", began=0)
        desk.let_pass(7)
    assert refuse(desk, "one", seconds=0.1) is Blame.KEY


@pytest.mark.parametrize(("took", "patience"), [(0.1, 2.7), (2, 6.5), (4, 10.5)])
def test_it_is_the_key_when_nobody_is_ranked_any_more(
    took: float, patience: float, desk: LedgerDesk
) -> None:
    """The longer answers take, the longer the others are given to have one."""
    serve(desk, "other", began=patience, took=took)
    assert refuse(desk, "one", seconds=patience - 0.2) is None
    assert refuse(desk, "one", seconds=patience + 0.2) is Blame.KEY


def test_a_damaged_record_costs_no_exchange(desk: LedgerDesk) -> None:
    """What another hand stored is passed over."""
    for stored in ("{nonsense", "[1]", f'{{"{KEY}": 5}}', f'{{"{KEY}": {{"one": 5}}}}'):
        desk.redis.hset("rerankq:account:a", "keys_refused", stored)
        assert refuse(desk, "one", seconds=0.1) is Blame.KEY
