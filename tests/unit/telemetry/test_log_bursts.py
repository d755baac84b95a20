import logging

from rerankq_worker.telemetry.event_log import STATES
from rerankq_worker.telemetry.log_bursts import BURST_SECONDS, MOST_BURSTS, Bursts


def record(
    message: str, *arguments: object, logger: str = "rerankq_worker.jobs.rerank", level: int = 30
) -> logging.LogRecord:
    return logging.LogRecord(logger, level, "", 0, message, arguments, None)


class Log:
    """What a reader sees."""

    def __init__(self) -> None:
        self.bursts = Bursts()
        self.lines: list[str] = []

    def add(self, given: logging.LogRecord, now: float = 0.0) -> None:
        """A record comes."""
        self.lines += [line for _, line in self.bursts.shown(given, given.getMessage(), now)]

    def wait(self, now: float) -> None:
        """Time goes by."""
        self.lines += [line for _, line in self.bursts.over(now, at_least=BURST_SECONDS)]


def test_a_burst_is_one_line_and_a_count() -> None:
    """Of like failures the first is shown at once, and a minute later how many followed."""
    log = Log()
    for number in range(313):
        log.add(record("job %s, attempt %d: status %d", f"id-{number}", 1, 502), number / 10)
    assert log.lines == ["job id-0, attempt 1: status 502"]
    log.wait(59.0)
    assert len(log.lines) == 1
    log.wait(60.0)
    assert log.lines[1:] == ["… and 312 more like it in 60 s: job id-0, attempt 1: status 502"]
    log.add(record("job %s, attempt %d: status %d", "id-999", 1, 502), 61.0)
    log.wait(200.0)
    assert log.lines[2:] == ["job id-999, attempt 1: status 502"]


def test_what_is_not_alike_is_shown() -> None:
    """Another reason, another level and another logger are no part of a burst; the id is."""
    log = Log()
    for each in (
        record("job %s: %s", "alpha", "upstream_refused"),
        record("job %s: %s", "beta", "upstream_unavailable"),
        record("job %s: %s", "gamma", "upstream_refused", level=40),
        record("job %s: %s", "delta", "upstream_refused", logger="other"),
        record("job %s: %s", "epsilon", "upstream_refused"),
    ):
        log.add(each)
    assert len(log.lines) == 4


def test_each_change_of_a_state_is_shown() -> None:
    """An account that is broken, well, broken again is said to be so; repetitions are counted."""
    log = Log()
    states = ("broken", "broken", "broken", "well", "broken")
    for state in states:
        log.add(record("%s is %s", "a/1", state, logger=STATES))
    log.add(record("%s is %s", "a/2", "broken", logger=STATES))
    assert log.lines == [
        "a/1 is broken",
        "… and 2 more like it in 0 s: a/1 is broken",
        "a/1 is well",
        "a/1 is broken",
        "a/2 is broken",
    ]


def test_failures_about_a_state_are_a_burst() -> None:
    """A line that carries an error is a failure, also where states are logged."""
    log = Log()
    for number in range(5):
        error = OSError(f"try {number}")
        log.add(record("%s: %s", "a", error, logger=STATES))
    assert log.lines == ["a: try 0"]


def test_memory_is_bounded() -> None:
    """However many kinds of line there are, a bounded number is remembered, and none is lost."""

    def kind(number: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in str(number))

    log = Log()
    for number in range(3 * MOST_BURSTS):
        log.add(record(kind(number)))
    assert len(log.lines) == 3 * MOST_BURSTS
    for number in range(3 * MOST_BURSTS):
        log.add(record(kind(number)))
    # The first are known again; what came beyond the bound is shown as it is.
    assert len(log.lines) == 3 * MOST_BURSTS + 2 * MOST_BURSTS
