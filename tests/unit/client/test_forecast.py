"""How long a job would wait, from what is known."""

from dataclasses import replace
from typing import Any

import pytest

from rerankq.accounts.accounts import Allotment, Limits
from rerankq.accounts.breakers import BreakerState, TrippedBreaker
from rerankq.client.waiting.forecast import UNKNOWN_SECONDS, forecast
from rerankq.contract import Forecast, Lane

NOW = 1_000_000_000
WELL = Allotment(
    permits=0,
    tokens=0.0,
    slots=None,
    retries=0,
    probe=False,
    ask_ms=500.0,
    mode="open",
    since=0.0,
    cause="",
    wait_ms=0.0,
    rate=100.0,
    limited=False,
    limits=Limits(),
    workers=1,
    in_flight=0.0,
    ranked="",
    served=frozenset({"a-key"}),
    idle_ms=10.0,
    alone=False,
    doubted=False,
    cut_off={},
    verdicts={},
    others=0,
    took_ms=0.0,
    now=NOW,
    tripped={},
)
PARKED = TrippedBreaker(
    state=BreakerState.PARKED,
    code="upstream_auth",
    reason="401",
    strikes=3,
    since=NOW - 20_000,
    struck_at=NOW - 20_000,
    every=60_000,
    probe_at=NOW + 40_000,
)


def of(*accounts: Allotment, queued: int = 0, served: set[Lane] | None = None) -> Forecast:
    named = {f"account-{n}": each for n, each in enumerate(accounts)}
    lanes = set(Lane) if served is None else served
    return forecast(Lane.INTERACTIVE, named, {Lane.INTERACTIVE: queued}, lanes)


@pytest.mark.parametrize(
    ("given", "seconds", "by"),
    [
        pytest.param({}, 0.0, "", id="well"),
        pytest.param({"wait_ms": 30_000.0}, 30.0, "upstream", id="told to wait"),
        pytest.param(
            {"mode": "throttled", "wait_ms": 30_000.0, "since": NOW - 500_000},
            30.0,
            "upstream",
            id="throttled until a time",
        ),
        pytest.param(
            {"mode": "broken", "wait_ms": 4_000.0, "since": NOW - 1_000},
            4.0,
            "outage",
            id="just broken: the next probe",
        ),
        pytest.param(
            {"mode": "broken", "wait_ms": 4_000.0, "since": NOW - 90_000},
            90.0,
            "outage",
            id="broken for long: as long again",
        ),
        pytest.param(
            {"mode": "broken", "wait_ms": 4_000.0, "since": NOW - 9_000_000},
            UNKNOWN_SECONDS,
            "outage",
            id="broken for hours",
        ),
        pytest.param(
            {"wait_ms": 30_000.0, "cause": "upstream_throttled (429)"}, 30.0, "upstream", id="a 429"
        ),
        pytest.param(
            {"wait_ms": 30_000.0, "cause": "upstream_unavailable (503)"},
            30.0,
            "outage",
            id="a failure that says how long to wait",
        ),
        pytest.param(
            {"mode": "broken", "since": NOW - 90_000, "idle_ms": 5_000.0},
            0.0,
            "outage",
            id="broken, and nobody has a job to probe with",
        ),
        pytest.param(
            {"mode": "broken", "since": NOW - 90_000, "idle_ms": 90_000.0},
            0.0,
            "",
            id="not in use: it says nothing",
        ),
        pytest.param(
            {"tripped": {"account account-0": replace(PARKED, state=BreakerState.PAUSED)}},
            UNKNOWN_SECONDS,
            "outage",
            id="paused by an operator",
        ),
    ],
)
def test_an_account_out_of_use(given: dict[str, Any], seconds: float, by: str) -> None:
    """A job waits until the account is usable again, as far as that is known."""
    found = of(replace(WELL, **given))
    assert (found.wait_seconds, found.by) == (seconds, by)
    assert bool(found.message) == bool(by)


def test_the_best_account_counts() -> None:
    """While one account is usable, the others hold nobody up."""
    assert of(replace(WELL, wait_ms=30_000.0), WELL).wait_seconds == 0.0


def test_the_jobs_before_count() -> None:
    """The jobs that wait already take their time; a known limit makes it the upstream's."""
    assert of(WELL, queued=500).model_dump(exclude={"until", "message"}) == {
        "wait_seconds": 5.0,
        "by": "queue",
    }
    limited = replace(WELL, rate=1.0, limited=True)
    assert (of(limited, queued=30).wait_seconds, of(limited, queued=30).by) == (30.0, "upstream")


def test_a_lane_without_workers() -> None:
    """Without a worker of the lane nobody knows how long a job waits."""
    found = of(WELL, served={Lane.BULK})
    assert (found.wait_seconds, found.by) == (UNKNOWN_SECONDS, "no_worker")
    assert "interactive" in found.message


@pytest.mark.parametrize(
    ("given", "queued", "seconds", "by"),
    [
        pytest.param({}, 3, 40.03, "outage", id="until its probe"),
        pytest.param({}, 0, 0.0, "outage", id="nobody waits: the next one is the probe"),
        pytest.param({"served": frozenset({"other"})}, 3, 0.03, "queue", id="another key serves"),
    ],
)
def test_parked_keys(given: dict[str, Any], queued: int, seconds: float, by: str) -> None:
    """When keys are parked, nobody is served and jobs wait, more jobs would wait too."""
    parked = replace(WELL, **({"served": frozenset(), "tripped": {"key site k": PARKED}} | given))
    found = of(parked, queued=queued)
    assert found.wait_seconds == pytest.approx(seconds)
    assert found.by == by
    assert by == "queue" or "key site k" in found.message
