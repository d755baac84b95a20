"""An upstream that answers nothing but 429 for a while.

That no more calls are made than the limit allows and 5 % (also with the limiter's keys deleted) is
for the shared limiter to hold, which is issue 4: its rows belong here then.
"""

import time

from chaos.aftermath import THROTTLED
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from running.waiting import lasting

RETRY_AFTER_SECONDS = 1
DRAIN_SECONDS = 30.0


def _storm(arena: Arena) -> Report:
    # With one attempt only, a job that pays for being throttled is a failed one.
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
    throttled = {call.job_id for call in aftermath.calls if call.status == THROTTLED}
    attempts = {aftermath.records[job_id].attempts for job_id in throttled}
    first = aftermath.first_answer(over)
    ends = [record.finished or 0.0 for record in aftermath.records.values()]
    report.figures |= {
        "throttled calls": sum(call.status == THROTTLED for call in aftermath.calls),
        "drained after s": max(ends) - over,
    }
    report.demand(bool(throttled), "the storm was felt")
    report.demand(report.repeats == 0, f"D = 0, throttled calls aside: {report.repeats}")
    report.demand(attempts <= {1}, f"no attempt is used: {attempts}")
    report.demand(first <= DRAIN_SECONDS, f"drains after: first answer after {first:.1f} s")
    return report


STORM = Row(
    name="429-storm",
    fault="the upstream answers every call with 429 and Retry-After",
    demand="no attempt used; drains after",
    play=_storm,
    short=Load(jobs=300, seconds=8.0),
    # A minute a round, whatever the jobs.
    long=Load(rounds=2, jobs=3_000, max_in_flight=50, seconds=60.0),
)
