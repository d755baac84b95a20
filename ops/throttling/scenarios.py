"""The scenarios of the benchmark, each with its limits and its judge."""

from functools import partial
from typing import Final

from throttling import events, judges
from throttling.entrants import OURS, RATE_LIMIT, RETRIES
from throttling.scenario import Scenario

RPM: Final = 6000
SECOND: Final = 60.0
TPM: Final = 300_000
LEAST_TOKENS: Final = 37
"""The least average of tokens a job, over any hundred jobs."""
INTERACTIVE_RPM: Final = 1200

KNOWN_RPM: Final = Scenario(
    "known rpm",
    [{"rpm": RPM}],
    [RPM / SECOND],
    judges.known_rate,
    known={"rpm": RPM},
    entrants=(OURS, RATE_LIMIT, RETRIES),
)
KNOWN_TPM: Final = Scenario(
    "known tpm",
    [{"tpm": TPM}],
    [TPM / SECOND / LEAST_TOKENS],
    judges.known_tokens,
    known={"tpm": TPM},
)
KNOWN_CONCURRENCY: Final = Scenario(
    "known concurrency",
    [{"concurrency": 40}],
    [80],
    judges.known_concurrency,
    known={"concurrency": 40},
    latency_ms=500,
)
UNKNOWN_RATE: Final = Scenario(
    "unknown rate",
    [{"per_second": each, "burst": 10} for each in (100, 50, 100)],
    [100, 50, 100],
    judges.unknown,
    entrants=(OURS, RETRIES),
)
UNKNOWN_CONCURRENCY: Final = Scenario(
    "unknown concurrency",
    [{"concurrency": each} for each in (20, 10, 20)],
    [each / 0.205 for each in (20, 10, 20)],
    judges.unknown,
    latency_ms=200,
    entrants=(OURS, RETRIES),
)
INTERACTIVE: Final = Scenario(
    "interactive beside bulk",
    [{"rpm": INTERACTIVE_RPM}],
    [INTERACTIVE_RPM / SECOND],
    judges.beside_bulk,
    known={"rpm": INTERACTIVE_RPM},
    during=partial(events.interactive, per_second=INTERACTIVE_RPM / SECOND),
    interactive=True,
)
OUTAGE: Final = Scenario(
    "outage",
    [{"rpm": RPM}],
    [RPM / SECOND],
    lambda *_: [],
    known={"rpm": RPM},
    during=partial(events.outage, per_second=RPM / SECOND),
    # An outage of ten minutes, and one minute to recover; the others take five.
    length=2.2,
)

SCENARIOS: Final = (
    KNOWN_RPM,
    KNOWN_TPM,
    KNOWN_CONCURRENCY,
    UNKNOWN_RATE,
    UNKNOWN_CONCURRENCY,
    INTERACTIVE,
    OUTAGE,
)
