"""The ledger's bookkeeping holds after any schedule of calls, stale and repeated ones included."""

import pytest

from running.ledger_machine import check

EXAMPLES = 50
"""The chaos row `schedules` runs 10,000."""


def test_bookkeeping_holds_after_any_schedule(redis_url: str) -> None:
    """Each job is in one set of its lane or has one end that never changes, whatever is called."""
    check(redis_url, EXAMPLES)


@pytest.mark.parametrize(
    ("original", "broken"),
    [
        ("and job.claims == token", ""),
        ("gather('ZREM ' .. lane_set(job.lane, job.state), id)", ""),
        (
            "'HINCRBY', batch_key(batch), state, ended",
            "'HINCRBY', batch_key(batch), state, 2 * ended",
        ),
    ],
)
def test_schedules_find_what_is_broken(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, original: str, broken: str
) -> None:
    """With a line of the scripts spoilt, the same schedules find it: the proof is one."""
    from rerankq.ledger import store  # noqa: PLC0415 - spoilt here alone

    real = store._script  # noqa: SLF001 - the scripts have no other door

    def spoilt(name: str) -> tuple[str, str]:
        return real(name)[0].replace(original, broken), "0" * 40

    monkeypatch.setattr(store, "_script", spoilt)
    with pytest.raises(AssertionError):
        check(redis_url, EXAMPLES)
