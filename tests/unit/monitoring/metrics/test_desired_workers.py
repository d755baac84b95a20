from typing import Any

import pytest

from rerankq.accounts.accounts import Allotment, Limits
from rerankq.contract import Lane
from rerankq.ledger.lane_readings import LaneReading
from rerankq.monitoring.metrics.desired_workers import desired_workers
from rerankq.monitoring.metrics.ledger_reading import LedgerReading

CALLS = 100
"""Calls of a worker in flight: at one second a call, it makes as many a second."""


def account(**changes: Any) -> Allotment:
    usual: dict[str, Any] = {
        "permits": 0,
        "tokens": 0.0,
        "slots": None,
        "retries": 0,
        "probe": False,
        "ask_ms": 0,
        "mode": "open",
        "since": 0,
        "cause": "",
        "wait_ms": 0,
        "rate": 1e6,
        "limited": False,
        "limits": Limits(),
        "workers": 1,
        "in_flight": 0,
        "ranked": "",
        "served": frozenset(),
        "idle_ms": 0,
        "alone": False,
        "doubted": False,
        "cut_off": {},
        "verdicts": {},
        "others": 0,
        "took_ms": 1000.0,
        "now": 0,
        "tripped": {},
    }
    return Allotment(**usual | changes)


def reading(
    *accounts: Allotment, queued: int = 0, running: int = 0, interactive: int = 0
) -> LedgerReading:
    def lane(waiting: int, calls: int) -> LaneReading:
        return LaneReading({"queued": waiting, "scheduled": 9, "running": calls, "held": 9}, 0.0, 0)

    return LedgerReading(
        lanes={Lane.BULK: lane(queued, running), Lane.INTERACTIVE: lane(interactive, 0)},
        accounts={str(nth): each for nth, each in enumerate(accounts)},
        breakers={},
        dead=0,
        poison=0,
        deliveries={},
        redis={},
    )


@pytest.mark.parametrize(
    ("read", "bulk", "interactive"),
    [
        # Nothing to do, though jobs are held back or wait for a retry.
        (reading(account()), 0, 0),
        (reading(account(), queued=1), 1, 0),
        # 300,000 jobs in 300 s: 1,000 calls a second, of which a worker makes 100.
        (reading(account(), queued=300_000), 10, 0),
        # Running jobs are calls too: their workers are not taken away while the queue empties.
        (reading(account(), running=800), 8, 0),
        (reading(account(took_ms=100.0), queued=300_000), 1, 0),
        (reading(account(took_ms=10_000.0), queued=300_000), 100, 0),
        # However short a call is, a process makes so many: 6,000 a second need four of them.
        (reading(account(took_ms=1.0), queued=1_800_000), 4, 0),
        # More workers than the limit keeps busy would only wait: 250 calls a second.
        (reading(account(rate=250.0, limited=True), queued=300_000), 3, 0),
        (reading(account(rate=250.0), queued=300_000), 10, 0),
        (reading(account(limits=Limits(concurrency=120)), queued=300_000), 2, 0),
        (reading(*[account(rate=250.0, limited=True)] * 2, queued=300_000), 5, 0),
        # While the upstream is out, one worker is enough to probe it.
        (reading(account(mode="broken"), queued=300_000), 1, 0),
        (reading(account(wait_ms=5000), queued=300_000), 1, 0),
        # Interactive jobs, due in 5 s, take their part of the limit first.
        (reading(account(rate=250.0, limited=True), queued=300_000, interactive=750), 1, 2),
        # Of an upstream that nobody uses, nothing is known: one worker finds out.
        (reading(queued=300_000, interactive=10_000), 1, 1),
    ],
)
def test_workers_that_the_backlog_needs_and_the_limit_allows(
    read: LedgerReading, bulk: int, interactive: int
) -> None:
    """It is the least of both; at least one while there are jobs, and none without jobs."""
    assert desired_workers(read, max_calls=CALLS) == {
        Lane.BULK: bulk,
        Lane.INTERACTIVE: interactive,
    }
