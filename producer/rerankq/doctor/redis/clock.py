"""The difference between Redis' clock, by which jobs live, and this machine's."""

import time
from typing import Final

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, note, ok, warning

NOTED_SECONDS: Final = 2.0
MOST_SECONDS: Final = 60.0


async def look(set_up: SetUp) -> list[Finding]:
    """Ask Redis for its time, and compare it with the middle of the question."""
    store = await set_up.redis.store()
    before = time.time()
    seconds, micros = await store.command("TIME")
    after = time.time()
    # The answer was made between the two; that moment is not known any better.
    doubt = (after - before) / 2
    ahead = int(seconds) + int(micros) / 1e6 - (before + after) / 2
    off = max(0.0, abs(ahead) - doubt)
    what = f"Redis' clock is {off:,.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if off > MOST_SECONDS:
        return [
            warning(
                "clock_differs",
                what,
                "set both by NTP: times that you name, such as not_before and deadlines, are "
                "compared with Redis' clock, and certificates with this one",
            )
        ]
    if off > NOTED_SECONDS:
        return [note("clock_differs", what, "set both by NTP")]
    return [ok("clock_agrees", "Redis and this machine have the same time")]
