"""The counts of a batch are exact after any schedule of calls, also of those on the whole batch."""

from typing import Any

import pytest

from rerankq.ledger.scripts import CLAIM, FINISH, SUBMIT, SWEEP
from rerankq.store.script import Script
from running.batch_machine import BatchMachine
from running.ledger_machine import check

EXAMPLES = 40
MOST_EXAMPLES = 150
"""What is broken is found by one of these; the first that finds it is the last that is run."""


def test_counts_are_exact_after_any_schedule(redis_url: str) -> None:
    """Jobs in each state add up to the total, whoever pauses, resumes, cancels or dies."""
    check(redis_url, EXAMPLES, BatchMachine)


@pytest.mark.parametrize(
    ("original", "broken"),
    [
        ("holds_back, to_hold[id] = true, true", ""),
        ("if batch.is_cancelled then", "if false then"),
        ("or to, to == 'held' or nil", "or to, nil"),
        ("if from and from ~= 'queued' then", "if from and from == 'running' then"),
    ],
)
def test_schedules_find_what_is_broken(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, original: str, broken: str
) -> None:
    """When a line of the scripts is spoilt, such schedules find it: so they test the scripts."""
    real = Script.text
    called: tuple[Script[..., Any], ...] = (CLAIM, FINISH, SUBMIT, SWEEP)
    assert any(original in real(each, "")[0] for each in called), "the line is gone"

    def spoilt(script: Script[..., Any], namespace: str) -> tuple[str, str]:
        return real(script, namespace)[0].replace(original, broken), "0" * 40

    monkeypatch.setattr(Script, "text", spoilt)
    with pytest.raises(AssertionError):
        check(redis_url, MOST_EXAMPLES, BatchMachine)
