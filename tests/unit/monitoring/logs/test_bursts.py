import logging

from rerankq.monitoring.logs.bursts import BURST_SECONDS, MOST_BURSTS, Bursts
from rerankq.monitoring.logs.fields import ABOUT, ENDS
from rerankq.monitoring.logs.lines import Line
from rerankq_worker.telemetry.state_log import states

STATES = states.name


def record(
    message: str, *arguments: object, logger: str = "rerankq_worker.jobs.rerank", level: int = 30
) -> logging.LogRecord:
    return logging.LogRecord(logger, level, "", 0, message, arguments, None)


class Log:
    """The lines that a reader sees."""

    def __init__(self) -> None:
        self.bursts = Bursts()
        self.lines: list[str] = []

    def add(self, given: logging.LogRecord, now: float = 0.0) -> None:
        """Log a record."""
        line = Line(given.levelno, given.getMessage(), given.name, {})
        self.lines += [each.said for each in self.bursts.shown(given, line, now)]

    def wait(self, now: float) -> None:
        """Let time pass."""
        self.lines += [each.said for each in self.bursts.over(now, at_least=BURST_SECONDS)]


def test_a_burst_is_one_line_and_a_count() -> None:
    """Of similar failures the first is shown at once; a minute later, how many followed."""
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
    """Lines of another reason, level or logger are no burst; lines of another job id are."""
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
    """Each change of an account's state is shown; only repetitions of a line are counted."""
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
    """A line with an exception counts as a failure, also in the logger for states."""
    log = Log()
    for number in range(5):
        error = OSError(f"try {number}")
        log.add(record("%s: %s", "a", error, logger=STATES))
    assert log.lines == ["a: try 0"]


def test_memory_is_bounded() -> None:
    """A bounded number of kinds of line is remembered; lines of further kinds are all shown."""

    def kind(number: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in str(number))

    log = Log()
    for number in range(3 * MOST_BURSTS):
        log.add(record(kind(number)))
    assert len(log.lines) == 3 * MOST_BURSTS
    for number in range(3 * MOST_BURSTS):
        log.add(record(kind(number)))
    # Repetitions of the first kinds are recognised; kinds beyond the bound are always shown.
    assert len(log.lines) == 3 * MOST_BURSTS + 2 * MOST_BURSTS


def test_trouble_that_is_over_is_told_before_its_end() -> None:
    """What is left to say of trouble comes before the line that it is over, and never later."""
    log = Log()
    for number in range(4):
        failed = record("try %d: Redis cannot be reached", number)
        setattr(failed, ABOUT, "ledger")
        log.add(failed, float(number))
    log.add(record("try %d: of something else", 1))
    log.add(record("try %d: of something else", 2))
    for _ in range(2):
        over = record("Redis answers again")
        setattr(over, ENDS, "ledger")
        log.add(over, 9.0)
    assert log.lines == [
        "try 0: Redis cannot be reached",
        "try 1: of something else",
        "… and 3 more like it in 9 s: try 0: Redis cannot be reached",
        *("Redis answers again", "Redis answers again"),
    ]
    log.wait(100.0)
    assert log.lines[5:] == ["… and 1 more like it in 100 s: try 1: of something else"]
