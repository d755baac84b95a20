"""What calls have brought for a job that needs several: kept under its lease, until its end."""

from collections.abc import Callable

import pytest

from rerankq.ledger.checkpoints import KEEP_SECONDS, Checkpoints
from rerankq.ledger.leases import Lease
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job


def keep(desk: LedgerDesk, lease: Lease, part: str = "p", scores: bytes = b"1") -> bool:
    return desk.run(_checkpoints(desk).keep(lease, part, scores))


def kept(desk: LedgerDesk, job_id: str = "a") -> list[bytes]:
    return desk.run(_checkpoints(desk).kept(job_id))


def _checkpoints(desk: LedgerDesk) -> Checkpoints:
    return Checkpoints(desk.store)


def test_a_later_attempt_finds_what_calls_have_brought(desk: LedgerDesk) -> None:
    """A checkpoint outlives a postponement; the same part is kept once."""
    lease = desk.claimed("a")
    assert keep(desk, lease)
    assert keep(desk, lease)
    assert keep(desk, lease, "q", b"2")
    assert desk.postpone(lease, 60)
    assert sorted(kept(desk)) == [b"1", b"2"]
    assert desk.redis.pttl(KEYS.parts("a")) <= KEEP_SECONDS * 1000


def test_a_worker_without_the_lease_keeps_nothing(desk: LedgerDesk) -> None:
    """After a job was postponed, or given to another worker, its earlier worker writes nothing."""
    lease = desk.claimed("a")
    assert desk.postpone(lease, 60)
    assert not keep(desk, lease)
    assert not keep(desk, Lease("unknown", 1, 0, 0.0, b""))
    assert kept(desk) == []


@pytest.mark.parametrize(
    "end",
    [
        lambda desk, lease: desk.succeed(lease),
        lambda desk, lease: desk.fail(lease),
        lambda desk, lease: desk.cancel(lease.job_id),
    ],
    ids=["succeeded", "failed", "cancelled"],
)
def test_the_end_of_a_job_deletes_it(
    desk: LedgerDesk, end: Callable[[LedgerDesk, Lease], object]
) -> None:
    """However a job ends, nothing of its calls is left, and nothing comes later."""
    lease = desk.claimed("a")
    desk.submit(job("b"))
    assert keep(desk, lease)
    assert end(desk, lease)
    assert not keep(desk, lease)
    assert kept(desk) == []
