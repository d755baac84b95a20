"""What else happens in a scenario, beside bulk work under a limit."""

import time
from typing import Final

from rerankq import RerankClient
from rerankq.contract import Lane
from throttling.entrants import Place
from throttling.figures import Figure, Seen

OUTAGE_SHARE: Final = 10 / 11
BREAKING_SECONDS: Final = 5.0
"""After this time of failures the outage is proven."""
INTERACTIVE_APART: Final = 0.5
PIPELINE_SECONDS: Final = 0.05
"""The time from submit to call that is not the limiter's, on a busy machine."""


def interactive(place: Place, seconds: float, *, per_second: float) -> list[Figure]:
    """A job every half second; its wait is from its submission to the arrival of its call."""
    submitted = {}
    until = time.monotonic() + seconds
    with RerankClient(place.redis.url) as client:
        while time.monotonic() < until:
            at = time.time()
            job = client.submit(query="a", documents=["a", "b"], lane=Lane.INTERACTIVE)
            submitted[job.id] = at
            time.sleep(INTERACTIVE_APART)
    time.sleep(1)
    waits = sorted(
        each.arrived - submitted[each.job_id]
        for each in place.upstream.calls()
        if each.job_id in submitted
    )
    missing = len(submitted) - len(waits)
    p99 = waits[int(0.99 * len(waits))]
    most = 2 / per_second + PIPELINE_SECONDS
    return [
        Figure("interactive p50 wait", 1000 * waits[len(waits) // 2], unit="ms"),
        Figure("interactive p99 wait", 1000 * p99, most=1000 * most, unit="ms"),
        Figure("interactive jobs without a call", missing, most=0),
    ]


def outage(place: Place, seconds: float, *, per_second: float) -> list[Figure]:
    """Every call fails for most of the time."""
    out = OUTAGE_SHARE * seconds
    began = time.time()
    # The words matter: a 503 about a missing channel would mean that nobody serves the model.
    place.upstream.set_faults({"action": {"kind": "error", "name": "unavailable"}})
    time.sleep(out)
    place.upstream.clear_faults()
    over = time.time()
    time.sleep(seconds - out)
    calls = place.upstream.calls()
    probes = sum(began + BREAKING_SECONDS <= each.arrived < over for each in calls)
    after = Seen(calls, over, seconds - out)
    with place.redis.client() as client:
        failed = client.zcard("rerankq:dead")
    return [
        Figure("failed jobs", failed, most=0),
        Figure("probes in 5 s", probes / (out - BREAKING_SECONDS) * 5, most=1.05),
        Figure("full rate after", after.found_in(0.95 * per_second, 0), most=10, unit="s"),
    ]
