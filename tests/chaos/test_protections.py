"""Proves that the suite can fail: without one of the protections a row fails."""

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
"""Enough for jobs that end at all: without a protection some never do."""


def test_all_protections_on_is_green(tmp_path: Path) -> None:
    """A worker that the saboteur starts with all protections passes."""
    assert not _played("zombie", "none", tmp_path).broken


def test_without_fencing_a_late_result_is_taken(tmp_path: Path) -> None:
    """If the token is ignored, the row `zombie` fails."""
    report = _played("zombie", "fencing", tmp_path)
    assert report.figures["late results taken"] > 0, report


def test_without_a_check_of_the_state_a_job_ends_twice(tmp_path: Path) -> None:
    """If results are written in any state, the row `zombie-late` fails."""
    assert _played("zombie-late", "state-check", tmp_path).wrong > 0


def test_a_result_that_is_written_in_two_steps_leaves_jobs_behind(tmp_path: Path) -> None:
    """If the result is written but not the state, the row `worker-kill` fails."""
    report = _played("worker-kill", "atomic-finish", tmp_path, jobs=100)
    assert report.wrong + report.stuck > 0, report


@pytest.mark.timeout(400)
def test_without_a_watermark_lost_hints_stay_lost(tmp_path: Path) -> None:
    """If no lost hint is ever found, the row `worker-kill` fails."""
    # A worker that is killed between two messages loses no hint: then another round is played.
    rounds = (_played("worker-kill", "watermark", tmp_path / str(number)) for number in range(5))
    assert any(report.stuck > 0 for report in rounds)


def test_without_renewal_calls_are_repeated(tmp_path: Path) -> None:
    """If leases expire during calls, the row `redis-restart-busy` fails."""
    report = _played("redis-restart-busy", "renewal", tmp_path, jobs=160)
    assert report.broken, report


def test_without_a_look_at_the_queue_a_backlog_is_announced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If waiting messages are ignored, the row `backlog` fails."""
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
