"""`python -m chaos` and `make chaos`, as the documentation shows them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.__main__ import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "chaos.md"
SHOWN = re.findall(r"^\$ .*python -m chaos (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("arguments", SHOWN)
def test_what_the_page_shows_can_be_typed(arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command in docs/chaos.md has options and rows that exist."""
    typed = shlex.split(arguments)
    # With no time no round begins: only the command line is read.
    monkeypatch.setattr(sys, "argv", ["chaos", *typed, "--minutes", "-1"])
    if "--help" not in typed:
        assert main() == 1
        return
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0


def test_make_chaos_plays_rows(tmp_path: Path) -> None:
    """The command that `make chaos` runs plays the given rows, and prints their results."""
    arguments = f"--rows schedules --jobs 3 --json {tmp_path / 'all.json'}"
    lines = subprocess.run(
        [
            "make",
            "--always-make",
            "--dry-run",
            "--no-print-directory",
            "chaos",
            f"ARGS={arguments}",
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    line = next(each for each in lines if "-m chaos" in each)
    here = line.replace(".venv/bin/python", shlex.quote(sys.executable))
    done = subprocess.run(
        ["sh", "-c", here], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "schedules 1/1" in done.stdout
    assert (tmp_path / "all.json").is_file()
