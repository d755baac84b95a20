"""The proof that the suite can fail: each protection is switched off, and a row turns red."""

import hashlib
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chaos import catalogue
from chaos.row import Arena, Report
from chaos.saboteur import command
from rerankq.store.script import Script

pytestmark = pytest.mark.timeout(240)

PATIENCE = 20.0
"""Enough for what would come by itself: some of these jobs would wait for ever."""


def test_all_protections_on_is_green(tmp_path: Path) -> None:
    """The saboteur's way of starting a worker is not itself what turns a row red."""
    assert not _played("zombie", "none", tmp_path).broken


def test_without_fencing_a_late_result_is_taken(tmp_path: Path) -> None:
    """With the token ignored, the row `zombie` turns red."""
    report = _played("zombie", "fencing", tmp_path)
    assert report.figures["late results taken"] > 0, report


def test_without_a_check_of_the_state_a_job_ends_twice(tmp_path: Path) -> None:
    """With results written whatever the state, the row `zombie-late` turns red."""
    assert _played("zombie-late", "state-check", tmp_path).wrong > 0


def test_a_result_that_is_written_in_two_steps_leaves_jobs_behind(tmp_path: Path) -> None:
    """With the result written and the state left, the row `worker-kill` turns red."""
    report = _played("worker-kill", "atomic-finish", tmp_path, jobs=100)
    assert report.wrong + report.stuck > 0, report


@pytest.mark.timeout(400)
def test_without_a_watermark_lost_hints_stay_lost(tmp_path: Path) -> None:
    """With no lost hint ever found, the row `worker-kill` turns red."""
    # A worker that is killed between two messages takes no hint along: then it is killed again.
    rounds = (_played("worker-kill", "watermark", tmp_path / str(number)) for number in range(5))
    assert any(report.stuck > 0 for report in rounds)


def test_without_renewal_calls_are_repeated(tmp_path: Path) -> None:
    """With leases that run out under work, the row `redis-restart-busy` turns red."""
    report = _played("redis-restart-busy", "renewal", tmp_path, jobs=160)
    assert report.broken, report


def test_without_a_look_at_the_queue_a_backlog_is_announced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With waiting messages taken for none, the row `backlog` turns red."""
    real = Script.text

    def spoilt(script: Script[..., Any], namespace: str) -> tuple[str, str]:
        text = real(script, namespace)[0]
        assert "if waiting > 0 or" in text or script.name != "sweep"
        text = text.replace("if waiting > 0 or", "if")
        return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    monkeypatch.setattr(Script, "text", spoilt)
    row = catalogue.row("backlog")
    report = row.play(Arena(tmp_path, replace(row.short, jobs=10_000), Random(0)))  # noqa: S311
    assert report.broken, report


def _played(name: str, protection: str, folder: Path, jobs: int | None = None) -> Report:
    folder.mkdir(exist_ok=True)
    row = catalogue.row(name)
    load = replace(row.sized(row.short, 1, jobs), patience=PATIENCE)
    return row.play(Arena(folder, load, Random(name), command=command(protection)))  # noqa: S311
