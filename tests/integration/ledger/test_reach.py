"""A worker that alone cannot connect is told so, and does not close the account for the others."""

from running.ledger_desk import LedgerDesk

LOST = 10.0
"""Points of failure of four connections that could not be made: proof of an outage."""


def serve(desk: LedgerDesk, *workers: str) -> None:
    """Let these workers be answered."""
    for each in workers:
        desk.exchange(each, want=1, began=5, ok=5)


def test_what_one_worker_cannot_reach_is_its_own(desk: LedgerDesk) -> None:
    """While another is answered, the account stays open, and who cannot connect is told so."""
    serve(desk, "well")
    told = desk.exchange("ill", want=1, unreached=LOST)
    assert (told.mode, told.alone) == ("open", True)
    assert desk.exchange("well", want=1).alone is False


def test_what_nobody_reaches_is_out(desk: LedgerDesk) -> None:
    """Workers that were answered and now cannot connect either are no witnesses against it."""
    serve(desk, "one", "two")
    assert desk.exchange("one", want=1, unreached=LOST).alone
    told = desk.exchange("two", want=1, unreached=LOST)
    assert (told.mode, told.alone) == ("broken", False)


def test_the_only_worker_is_believed(desk: LedgerDesk) -> None:
    """What a worker cannot reach that is alone at work is out at once."""
    assert desk.exchange("one", want=1, unreached=LOST).mode == "broken"


def test_old_answers_are_no_witnesses(desk: LedgerDesk) -> None:
    """When nobody has been answered for a while, one word is believed."""
    serve(desk, "well")
    desk.let_pass(11)
    assert desk.exchange("ill", want=1, unreached=LOST).mode == "broken"


def test_one_word_waits_for_those_at_work(desk: LedgerDesk) -> None:
    """Before the first answer of anybody, one worker's word counts when it has held for a while."""
    desk.exchange("other", want=1, in_flight=1)
    told = desk.exchange("ill", want=1, unreached=LOST)
    assert (told.mode, told.alone) == ("open", False)
    desk.let_pass(3.5)
    assert desk.exchange("ill", want=1, unreached=LOST).mode == "broken"


def test_who_is_cut_off_is_named(desk: LedgerDesk) -> None:
    """Whoever looks is told which workers are cut off and why, until they no longer say so."""
    serve(desk, "well")
    desk.exchange("ill", cut_off="dns")
    assert desk.look().cut_off == {"ill": "dns"}
    desk.let_pass(1)
    desk.exchange("ill")
    assert desk.look().cut_off == {}
    desk.redis.hset("rerankq:account:a", "cut_off", "{nonsense")
    assert desk.look().cut_off == {}
