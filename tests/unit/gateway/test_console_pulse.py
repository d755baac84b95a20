from rerankq.contract import JobCall, JobState, JobSummary, Lane
from rerankq_gateway.console.pulse import MOST_JOBS, beat_of

NOW = 1_782_000_000.0


def ended(ago: float, seconds: float | None, state: JobState = JobState.SUCCEEDED) -> JobSummary:
    return JobSummary(
        id="x",
        state=state,
        lane=Lane.BULK,
        submitted_at=NOW - 100,
        finished_at=NOW - ago,
        call=None if seconds is None else JobCall(seconds=seconds),
    )


def test_only_the_last_seconds_count() -> None:
    """Throughput, failures and latency are those of the jobs that ended within the window."""
    jobs = [ended(1, 0.2), ended(2, 0.4), ended(3, None, JobState.FAILED), ended(60, 9.0)]
    beat = beat_of(jobs, NOW)
    assert beat.rate == 0.3
    assert round(beat.failed, 1) == 33.3
    assert 0.2 < beat.median < 0.4
    assert beat.median < beat.slow <= 0.4


def test_nothing_has_ended() -> None:
    """Without ends all figures are 0."""
    assert beat_of([], NOW) == (NOW, 0.0, 0.0, 0.0, 0.0)
    assert beat_of([ended(1, 0.5)], NOW).median == 0.5


def test_more_ends_than_are_read() -> None:
    """When the window has more ends than one page, the rate is that of the time they span."""
    jobs = [ended(number * 2 / MOST_JOBS, 0.1) for number in range(MOST_JOBS)]
    assert 240 < beat_of(jobs, NOW).rate < 260
