"""Which jobs of a dead worker count as in flight."""

from chaos.aftermath import Aftermath, Silence
from chaos.judge import Record, Verdict
from chaos.row import report_on
from rerankq.contract import UsageCounts
from running.upstream import Call

DEATH = 100.0
VICTIM, OTHER = "the victim's key", "another worker's"
ENDED, REPEATED = DEATH - 0.01, DEATH + 3.0
"""When an end was written: before the death, or by another worker after the lease expired."""


def call(job_id: str, key: str, ended: float | None, status: int | None) -> Call:
    return Call(job_id, 1, key, f"call of {job_id}", DEATH - 0.2, ended, status)


def test_f_counts_calls_of_the_dead_worker_without_a_written_end() -> None:
    """F counts the dead worker's calls without a written end, even if the upstream is late."""
    calls = (
        call("dropped", VICTIM, DEATH + 0.1, None),
        call("answered too late", VICTIM, DEATH + 0.06, 200),
        call("answered, not written", VICTIM, DEATH - 0.1, 200),
        call("written", VICTIM, DEATH - 0.1, 200),
        call("throttled, and postponed", VICTIM, DEATH - 0.1, 429),
        call("another worker's", OTHER, DEATH + 0.1, 200),
    )
    ends = {each.job_id: REPEATED for each in calls} | {"written": ENDED}
    records = {
        job_id: Record("succeeded", DEATH - 1, end, 1, 1, b"") for job_id, end in ends.items()
    }
    aftermath = Aftermath(Verdict(), records, calls, {}, (), ())
    assert aftermath.unwritten(Silence(VICTIM, DEATH)) == {
        "dropped",
        "answered too late",
        "answered, not written",
    }


def test_calls_are_counted_within_their_bound() -> None:
    """The upstream may have seen as many calls as are certain, and the uncertain ones besides."""
    calls = [call(name, OTHER, ENDED, 200) for name in "abc"]
    for least, uncertain, fits in ((3, 0, True), (2, 1, True), (1, 1, False), (4, 2, False)):
        counted = UsageCounts(calls=least, uncertain_calls=uncertain)
        accepted = dict.fromkeys("abc", 0.0)
        aftermath = Aftermath(Verdict(), {}, calls, accepted, (), (), counted=counted)
        assert (not aftermath.miscounted()) is fits


def test_calls_after_a_pause_are_not_counted() -> None:
    """A call that a worker made after its pause was not in flight during the pause."""
    calls = (call("later", VICTIM, None, None),)
    aftermath = Aftermath(Verdict(), {}, calls, {}, (), ())
    woken = calls[0].arrived - 0.1
    assert aftermath.unwritten(Silence(VICTIM, woken - 5, woken)) == set()


def test_calls_of_another_process_with_the_same_key_are_not_counted() -> None:
    """Only a process's own calls count for it, not those of the process that it replaced."""
    calls = (call("earlier", VICTIM, None, None),)
    aftermath = Aftermath(Verdict(), {}, calls, {}, (), ())
    begun = calls[0].arrived + 0.1
    assert aftermath.unwritten(Silence(VICTIM, DEATH, begun=begun)) == set()
    assert aftermath.unwritten(Silence(VICTIM, DEATH)) == {"earlier"}


def test_a_worker_that_replaced_itself_breaks_a_demand() -> None:
    """A restart breaks a demand, unless the row allows restarts: then they are counted."""
    aftermath = Aftermath(Verdict(), {}, (), {}, (0, 0), (), restarts=(0, 1))
    assert report_on(aftermath).broken == ["0 restarts: [0, 1]"]
    excused = report_on(aftermath, may_restart=True)
    assert (excused.broken, excused.figures) == ([], {"restarts": 1})
