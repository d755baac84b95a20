"""The units of systemd: it understands them, and they are closed in."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from running.manifests import UNITS
from running.must_play import skip_or_fail

MOST_EXPOSED = 20
"""In tenths, of `systemd-analyze security`: 100 is a service that may do everything."""


@pytest.fixture
def analyze() -> str:
    """The program that reads units."""
    found = shutil.which("systemd-analyze")
    if found is None:
        skip_or_fail("systemd", "there is no systemd-analyze on PATH: install Debian's systemd")
    return found


def ran(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)


def test_systemd_understands_each_unit(analyze: str, tmp_path: Path) -> None:
    """No unknown name, no wrong value; the program of ExecStart is here the one of the tests."""
    program = Path(sys.executable).parent / "rerankq"
    for page in UNITS:
        text = page.read_text("utf-8").replace("/opt/rerankq/bin/rerankq", str(program))
        (tmp_path / page.name).write_text(text, "utf-8")
    names = [f"./{page.name.replace('@', '@bulk')}" for page in UNITS]
    for page in UNITS:
        if "@" in page.name:
            (tmp_path / page.name.replace("@", "@bulk")).symlink_to(tmp_path / page.name)
    verified = ran(analyze, "verify", "--man=no", *names, cwd=tmp_path)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("page", UNITS, ids=lambda page: page.name)
def test_a_unit_may_do_little(analyze: str, page: Path) -> None:
    """Systemd itself rates what the service could reach as low."""
    said = ran(
        *(analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"),
        page.name,
        cwd=page.parent,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_all_units_are_closed_in_alike() -> None:
    """What one of them may not do, the others may not do either."""
    blocks = {
        page.read_text("utf-8").partition("DynamicUser=")[2].partition("[Install]")[0]
        for page in UNITS
    }
    assert len(blocks) == 1
    assert "ProtectSystem=strict" in blocks.pop()
