"""A worker that alone gets no answers is told so; the account stays usable for the others."""

import pytest

from rerankq.accounts.accounts import Allotment
from running.ledger_desk import LedgerDesk

LOST = 10.0
"""Points of failure of four connections that could not be made: proof of an outage."""


def serve(desk: LedgerDesk, *workers: str) -> None:
    """Let these workers get answers."""
    for each in workers:
        desk.exchange(each, want=1, began=5, ok=5)


def test_a_failure_of_one_worker_does_not_count_for_others(desk: LedgerDesk) -> None:
    """While another worker gets answers, one that cannot connect is told that it is alone."""
    serve(desk, "well")
    told = desk.exchange("ill", want=1, unreached=LOST)
    assert (told.mode, told.alone) == ("open", True)
    assert desk.exchange("well", want=1).alone is False


def test_an_upstream_that_no_worker_reaches_is_out(desk: LedgerDesk) -> None:
    """Earlier answers of workers that now cannot connect either do not make this one alone."""
    serve(desk, "one", "two")
    assert desk.exchange("one", want=1, unreached=LOST).alone
    told = desk.exchange("two", want=1, unreached=LOST)
    assert (told.mode, told.alone) == ("broken", False)


def test_the_only_worker_is_believed(desk: LedgerDesk) -> None:
    """When the only worker cannot reach an upstream, its account is out of use at once."""
    assert desk.exchange("one", want=1, unreached=LOST).mode == "broken"


def test_old_answers_do_not_count(desk: LedgerDesk) -> None:
    """If no worker got an answer for a while, the report of one worker counts."""
    serve(desk, "well")
    desk.let_pass(11)
    assert desk.exchange("ill", want=1, unreached=LOST).mode == "broken"


def test_one_report_waits_for_other_active_workers(desk: LedgerDesk) -> None:
    """Before any worker's first answer, the report of one counts after a while."""
    desk.exchange("other", want=1)
    told = desk.exchange("ill", want=1, unreached=LOST)
    assert (told.mode, told.alone) == ("open", False)
    desk.let_pass(3.5)
    assert desk.exchange("ill", want=1, unreached=LOST).mode == "broken"


@pytest.mark.parametrize(("took", "holds"), [(0, 11), (2, 3.5), (5, 9)])
def test_one_report_waits_for_calls_in_flight(took: float, holds: float, desk: LedgerDesk) -> None:
    """A report counts after twice the time of an answer, because others may still get an answer."""
    if took:
        desk.exchange("other", want=1, ok=1, served={"key": 0.0}, took_ms=took * 1000)
        desk.let_pass(11 + took)

    def told() -> str:
        desk.exchange("other", want=1, in_flight=1)
        return fail(desk, "ill", vain=4).mode

    assert told() == "open"
    desk.let_pass(holds - 1)
    assert told() == "open"
    desk.let_pass(2)
    assert told() == "broken"


def test_an_answer_ends_an_outage_that_few_workers_reported(desk: LedgerDesk) -> None:
    """A worker that gets answers is not told of an outage that only few workers report."""
    for each in ("one", "two", "three"):
        desk.exchange(each, want=1, in_flight=1)
    fail(desk, "ill", vain=4)
    desk.let_pass(13)
    for each in ("one", "two", "three"):
        desk.exchange(each, want=1, in_flight=1)
    assert fail(desk, "ill", vain=4).mode == "broken"
    assert desk.exchange("one", want=1, ok=1).mode == "open"
    assert fail(desk, "ill", vain=4).mode == "open"


def test_an_earlier_answer_ends_no_outage_that_most_reported(desk: LedgerDesk) -> None:
    """An outage that most workers report ends only by a probe."""
    for each in ("one", "two", "three"):
        desk.exchange(each, want=1, in_flight=1)
    assert [fail(desk, each, vain=4).mode for each in ("one", "two")][-1] == "broken"
    assert desk.exchange("three", want=1, ok=1).mode == "broken"


def test_a_look_shows_workers_that_are_cut_off(desk: LedgerDesk) -> None:
    """A look shows which workers are cut off and why, until they no longer report it."""
    serve(desk, "well")
    desk.exchange("ill", cut_off="dns")
    assert desk.look().cut_off == {"ill": "dns"}
    desk.let_pass(1)
    desk.exchange("ill")
    assert desk.look().cut_off == {}
    desk.redis.hset("rerankq:account:a", "cut_off", "{nonsense")
    assert desk.look().cut_off == {}


def fail(desk: LedgerDesk, worker: str, *, vain: int, cut_off: str = "") -> Allotment:
    """Let calls of a worker be answered by something other than the upstream."""
    return desk.exchange(worker, want=1, trouble=LOST, vain=vain, vain_ms=1000, cut_off=cut_off)


def test_calls_that_fail_only_at_one_worker_open_no_breaker(desk: LedgerDesk) -> None:
    """Failures of any kind open no breaker while others get answers; the worker is told so."""
    serve(desk, "well")
    told = fail(desk, "ill", vain=3)
    assert (told.mode, told.alone, told.doubted) == ("open", True, True)
    desk.let_pass(0.9)
    # The account does not keep them, so failures of other workers are not added to them.
    assert desk.exchange("well", want=1, trouble=9.0, vain=1).mode == "open"


def test_failures_of_every_worker_count_for_the_upstream(desk: LedgerDesk) -> None:
    """The failures of a worker that also got answers count as usual."""
    serve(desk, "one", "two")
    assert desk.exchange("one", vain=2, trouble=30.0).mode == "broken"


def test_failures_of_two_workers_are_an_outage(desk: LedgerDesk) -> None:
    """The first worker's failures count once another worker fails too: then both count."""
    desk.exchange("other", want=1, in_flight=1)
    told = fail(desk, "one", vain=4)
    assert (told.mode, told.alone, told.doubted) == ("open", False, True)
    told = desk.exchange("other", vain=4, want=1, trouble=1.0)
    assert (told.mode, told.doubted) == ("broken", False)


def test_earlier_answers_do_not_show_that_a_worker_is_alone(desk: LedgerDesk) -> None:
    """A worker that has failed since the others' last answers is not told that it is alone."""
    serve(desk, "well")
    desk.let_pass(0.9)
    assert fail(desk, "ill", vain=9).alone is False
    serve(desk, "well")
    assert fail(desk, "ill", vain=9).alone is True


def test_a_cut_off_worker_stays_so_until_others_fail(desk: LedgerDesk) -> None:
    """A cut-off worker stays so in a quiet hour, until another worker fails too."""
    serve(desk, "well")
    assert fail(desk, "ill", vain=9, cut_off="page").alone
    desk.let_pass(60)
    desk.exchange("well", want=1, in_flight=1)
    assert fail(desk, "ill", vain=9, cut_off="page").alone
    serve(desk, "well")
    desk.let_pass(1)
    fail(desk, "well", vain=4)
    assert desk.exchange("ill", cut_off="page", vain=9).alone is False


def test_the_only_worker_left_is_not_cut_off(desk: LedgerDesk) -> None:
    """If the other workers are gone, the report of the last one counts."""
    serve(desk, "well")
    assert fail(desk, "ill", vain=9, cut_off="page").alone
    desk.let_pass(7)
    told = fail(desk, "ill", vain=9, cut_off="page")
    assert told.alone is False


@pytest.mark.parametrize(("lane", "alone"), [("interactive", False), ("bulk", True)])
def test_only_workers_of_its_lane_keep_a_worker_cut_off(
    lane: str, desk: LedgerDesk, *, alone: bool
) -> None:
    """An idle worker of the other lane does not show that jobs of this lane can be ranked."""
    for each in ("bulk.1@host.a", f"{lane}.2@host.b"):
        desk.redis.zadd("rerankq:workers", {each: desk.now_ms() + 1000})
    serve(desk, "other")
    desk.exchange("other")
    desk.let_pass(11)
    assert fail(desk, "ill", vain=9, cut_off="page").alone is alone
