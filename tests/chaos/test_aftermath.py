"""What the judge counts as in a dead worker's hands."""

from chaos.aftermath import Aftermath, Silence
from chaos.judge import Record, Verdict
from chaos.row import report_on
from running.upstream import Call

DEATH = 100.0
VICTIM, OTHER = "the victim's key", "another worker's"
ENDED, REPEATED = DEATH - 0.01, DEATH + 3.0
"""Written before the death; written by another worker when the lease was over."""


def call(job_id: str, key: str, ended: float | None, status: int | None) -> Call:
    return Call(job_id, 1, key, f"call of {job_id}", DEATH - 0.2, ended, status)


def test_f_is_what_the_dead_worker_had_called_for_and_not_written() -> None:
    """F counts the dead worker's own calls without a written end, however late the upstream is."""
    calls = (
        call("dropped", VICTIM, DEATH + 0.1, None),
        call("answered into the void", VICTIM, DEATH + 0.06, 200),
        call("answered, not written", VICTIM, DEATH - 0.1, 200),
        call("written", VICTIM, DEATH - 0.1, 200),
        call("throttled, and postponed", VICTIM, DEATH - 0.1, 429),
        call("another worker's", OTHER, DEATH + 0.1, 200),
    )
    ends = {each.job_id: REPEATED for each in calls} | {"written": ENDED}
    records = {job_id: Record("succeeded", end, 1, 1, b"") for job_id, end in ends.items()}
    aftermath = Aftermath(Verdict(), records, calls, {}, (), ())
    assert aftermath.in_hand(Silence(VICTIM, DEATH)) == {
        "dropped",
        "answered into the void",
        "answered, not written",
    }


def test_what_a_woken_worker_calls_for_later_is_not_counted() -> None:
    """A worker that was stopped and woke again had no call in hand that it made afterwards."""
    calls = (call("later", VICTIM, None, None),)
    aftermath = Aftermath(Verdict(), {}, calls, {}, (), ())
    woken = calls[0].arrived - 0.1
    assert aftermath.in_hand(Silence(VICTIM, woken - 5, woken)) == set()


def test_what_another_process_called_for_with_the_same_key_is_not_counted() -> None:
    """A process that was started in the place of a dead one answers for its own calls alone."""
    calls = (call("earlier", VICTIM, None, None),)
    aftermath = Aftermath(Verdict(), {}, calls, {}, (), ())
    begun = calls[0].arrived + 0.1
    assert aftermath.in_hand(Silence(VICTIM, DEATH, begun=begun)) == set()
    assert aftermath.in_hand(Silence(VICTIM, DEATH)) == {"earlier"}


def test_a_worker_that_was_started_anew_is_held_against_the_row() -> None:
    """A restart in place breaks a demand of every row but those that allow it, which count it."""
    aftermath = Aftermath(Verdict(), {}, (), {}, (0, 0), (), restarts=(0, 1))
    assert report_on(aftermath).broken == ["0 restarts: [0, 1]"]
    excused = report_on(aftermath, may_restart=True)
    assert (excused.broken, excused.figures) == ([], {"restarts": 1})
