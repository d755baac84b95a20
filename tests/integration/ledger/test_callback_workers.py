"""Workers that are too old for webhooks and callbacks are found."""

import pytest

from rerankq.contract import BatchOptions, Callback
from rerankq.ledger.callback_workers import CallbackWorkers
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job


def hear(desk: LedgerDesk, *workers: str, seconds_ago: float = 0.0) -> None:
    """As if these had called the ledger."""
    now = desk.now_ms() - 1000 * seconds_ago
    desk.redis.zadd(KEYS.last_heard, dict.fromkeys(workers, now))


def test_a_worker_that_does_not_say_so_is_outdated(desk: LedgerDesk) -> None:
    """Of those that serve now, each that has not said that it knows of callbacks."""
    workers = CallbackWorkers(desk.store)
    hear(desk, "bulk.new", "bulk.old")
    hear(desk, "bulk.gone", seconds_ago=60)
    desk.run(workers.note("bulk.new"))
    assert desk.run(workers.outdated()) == ("bulk.old",)
    desk.run(workers.note("bulk.old"))
    assert desk.run(workers.outdated()) == ()


def test_a_client_warns_of_an_outdated_worker(
    desk: LedgerDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """When it submits a job or opens a batch with callbacks, once a minute; never without."""
    hear(desk, "bulk.old", "bulk.older")
    task = Callback(task="t")
    desk.submit(job("a"))
    desk.run(desk.batches.open())
    assert not caplog.messages
    desk.submit(job("b", callbacks=[task]))
    desk.submit(job("c", callbacks=[task]))
    desk.run(desk.batches.open(BatchOptions(callbacks=(task,))))
    desk.run(desk.batches.open(BatchOptions(callbacks=(task,))))
    of_jobs, of_batches = caplog.messages
    assert "2 workers, as bulk.old," in of_jobs
    assert "upgrade all workers first" in of_batches
