"""The ledger is consistent after any sequence of calls, also with stale and repeated calls."""

from typing import Any

import pytest

from rerankq.ledger.scripts import CLAIM, FINISH, SUBMIT, SWEEP
from rerankq.store.script import Script
from running.ledger_machine import check

EXAMPLES = 50
"""The chaos row `schedules` runs 10,000."""
MOST_EXAMPLES = 600
"""How many sequences are tried at most; the first that finds the broken line ends the test."""


def test_bookkeeping_holds_after_any_schedule(redis_url: str) -> None:
    """Each job has one place, or one end that never changes, and is announced when it must be."""
    check(redis_url, EXAMPLES)


@pytest.mark.parametrize(
    ("original", "broken"),
    [
        ("and token_of(job) == token", ""),
        ("move(id, job, state)", "job.state = state"),
        (
            "'HINCRBY', batch_key(batch), field, by",
            "'HINCRBY', batch_key(batch), field, 2 * by",
        ),
        ("and now < (tonumber(job.deadline) or math.huge)", ""),
        ("if fingerprint ~= job.fingerprint then return 'conflict' end", ""),
        ("gather('DEL', payload_key(job.id))", ""),
        ("job.not_before > now", "false"),
        ("payload_key(id), whole(now + keep[2])", "payload_key(id), 1"),
        ("due_jobs(lane, announce, orphans)\n  lost", "lost"),
        ("next_place(lane, true, 1)", "next_place(lane, false, 1)"),
        ("below = math.max(below, number(mark))", ""),
        ("if waiting > 0 or", "if"),
        ("job.worker == worker and job.request == request", "false"),
        ("if heard_at <= each[2] then", "if true then"),
        ("if dead >= most_deaths and", "if dead > most_deaths and"),
        ("or job.lapsed == true and is_open(job.state)", ""),
    ],
)
def test_schedules_find_what_is_broken(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, original: str, broken: str
) -> None:
    """If a line of the scripts is changed, the sequences find it: so they do test the scripts."""
    real = Script.text
    called: tuple[Script[..., Any], ...] = (CLAIM, FINISH, SUBMIT, SWEEP)
    assert any(original in real(each, "")[0] for each in called), "the line is gone"

    def spoilt(script: Script[..., Any], namespace: str) -> tuple[str, str]:
        return real(script, namespace)[0].replace(original, broken), "0" * 40

    monkeypatch.setattr(Script, "text", spoilt)
    with pytest.raises(AssertionError):
        check(redis_url, MOST_EXAMPLES)
