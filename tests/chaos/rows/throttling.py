"""429s for a while, a limit that answers with 429s, and a limiter whose keys are deleted."""

import time
from typing import Final

from chaos.aftermath import THROTTLED, Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, demand_right_counts, report_on
from running.waiting import lasting

RETRY_AFTER_SECONDS = 1
DRAIN_SECONDS = 30.0
RPM: Final = 1200
WINDOW_SECONDS: Final = 1.0
MARGIN: Final = 1.05
LOT_SECONDS: Final = 0.5
APART_SECONDS: Final = 0.25


def _storm(arena: Arena) -> Report:
    # With only one attempt, a job that pays for being throttled fails.
    with arena.stage(max_attempts=1) as stage:
        stage.start()
        stage.called(stage.load.jobs // 4)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        stage.upstream.set_faults(
            {"action": {"kind": "status", "status": THROTTLED, "headers": headers}}
        )
        lasting(stage.load.seconds, lambda: True, "the storm")
        stage.upstream.clear_faults()
        over = time.time()
        aftermath = stage.settle()
    report = report_on(aftermath)
    demand_right_counts(report, aftermath)
    throttled = {call.job_id for call in aftermath.calls if call.status == THROTTLED}
    attempts = {aftermath.records[job_id].attempts for job_id in throttled}
    first = aftermath.first_answer(over)
    ends = [record.finished or 0.0 for record in aftermath.records.values()]
    report.figures |= {
        "throttled calls": sum(call.status == THROTTLED for call in aftermath.calls),
        "drained after s": max(ends) - over,
    }
    report.demand(bool(throttled), "some calls were throttled")
    report.demand(report.repeats == 0, f"D = 0, without throttled calls: {report.repeats}")
    report.demand(attempts <= {1}, f"no attempt is used: {attempts}")
    report.demand(first <= DRAIN_SECONDS, f"drains after: first answer after {first:.1f} s")
    return report


STORM = Row(
    name="429-storm",
    fault="the upstream answers every call with 429 and Retry-After",
    demand="no attempt used; D = 0; first answer within 30 s after",
    play=_storm,
    short=Load(jobs=300, seconds=8.0),
    # A round takes a minute for any number of jobs.
    long=Load(rounds=2, jobs=3_000, max_in_flight=50, seconds=60.0),
)


def _limited(arena: Arena) -> Report:
    """The upstream has an unknown limit, and answers calls over it with 429 and Retry-After."""
    # Each worker calls with a key of its own, and the upstream counts by key.
    a_second = RPM / 60 / arena.load.workers
    limit = {"per_second": a_second, "burst": a_second, "retry_after": "seconds"}
    with arena.stage(max_attempts=1) as stage:
        stage.upstream.set_limits(default=limit)
        stage.start()
        lasting(stage.load.seconds, lambda: True, "the storm")
        stage.upstream.set_limits()
        over = time.time()
        aftermath = stage.settle()
    report = report_on(aftermath)
    drained = _last_end(aftermath) - over
    report.figures["drained after s"] = drained
    report.demand(drained <= DRAIN_SECONDS, f"drains within {DRAIN_SECONDS:g} s: {drained:.1f} s")
    report.demand(report.repeats == 0, f"D = 0, without throttled calls: {report.repeats}")
    arrived = [call.arrived for call in aftermath.calls if call.arrived < over]
    allowed = RPM / 60 * (over - min(arrived)) + RPM / 60
    # Calls, not answers: the upstream never answers more than it allows.
    report.figures |= {"calls to what was allowed": len(arrived) / allowed}
    said = f"at most limit + 5 %: {len(arrived)} of {allowed:.0f}"
    report.demand(len(arrived) <= MARGIN * allowed, said)
    throttled = {call.job_id for call in aftermath.calls if call.status == THROTTLED}
    attempts = {aftermath.records[job_id].attempts for job_id in throttled}
    report.demand(bool(throttled), "some calls were over the limit")
    report.demand(attempts <= {1}, f"no attempt is used: {attempts}")
    return report


def _forgotten(arena: Arena) -> Report:
    """The limiter's keys are deleted again and again; the upstream's log shows the rate."""
    with arena.stage(rpm=RPM) as stage:
        stage.start()
        stage.called(1)
        until = time.monotonic() + stage.load.seconds
        with stage.redis.client() as client:
            while time.monotonic() < until:
                if keys := list(client.scan_iter("rerankq:account:*")):
                    client.delete(*keys)
                lasting(APART_SECONDS, lambda: True, "the limiter writes its keys again")
        aftermath = stage.settle()
    report = report_on(aftermath, struck=())
    arrived = [call.arrived for call in aftermath.calls]
    most = max(sum(at <= each < at + WINDOW_SECONDS for each in arrived) for at in arrived)
    allowed = RPM / 60 * (WINDOW_SECONDS + LOT_SECONDS) + 1
    report.figures |= {"most calls in 1 s": most}
    report.demand(most <= allowed, f"at most the limit and one lot, {allowed:.0f}/s: {most}")
    return report


def _last_end(aftermath: Aftermath) -> float:
    return max(record.finished or 0.0 for record in aftermath.records.values())


LIMITED = Row(
    name="429-limit",
    fault="the upstream has an unknown limit, and answers 429 with Retry-After over it",
    demand="at most limit + 5 %; no attempt used; D = 0; all done 30 s after",
    play=_limited,
    # Finding the limit takes about thirty calls in any case, so the short form is as long.
    short=Load(jobs=1_300, seconds=60.0, latency_ms=50),
    long=Load(rounds=2, jobs=3_000, max_in_flight=50, seconds=60.0),
)
FORGOTTEN = Row(
    name="limiter-keys",
    fault="the limiter's keys are deleted again and again",
    demand="never unlimited: at most the limit and one lot in any second",
    play=_forgotten,
    short=Load(jobs=120, seconds=5.0, latency_ms=50),
    long=Load(rounds=2, jobs=1_500, max_in_flight=50, seconds=60.0),
)
