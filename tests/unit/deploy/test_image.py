"""The image: what `ops/Dockerfile` copies is there, and is enough."""

import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from running.manifests import OPS, ROOT

DOCKERFILE = (OPS / "Dockerfile").read_text("utf-8")
IGNORE = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
ALLOWED = [line[1:] for line in IGNORE if line.startswith("!")]
COPIED = [
    source
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    for source in line.split()[:-1]
]


def test_what_is_copied_is_what_is_sent() -> None:
    """.dockerignore lets through what the Dockerfile copies, and nothing else."""
    assert "*" in IGNORE
    assert sorted(ALLOWED) == sorted(COPIED)
    assert all((ROOT / each).exists() for each in COPIED)


def test_all_folders_of_the_wheel_are_copied() -> None:
    """What the wheel is made of is in the image; a build without it may succeed all the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    folders = {path.split("/")[0] for path in wheel["packages"]} | {*wheel["force-include"]}
    assert folders <= {*COPIED}


def test_the_wheel_is_built_from_what_is_copied(tmp_path: Path) -> None:
    """The image's build needs no other file of the checkout."""
    for each in COPIED:
        target = tmp_path / each
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / each).is_dir():
            shutil.copytree(ROOT / each, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / each, target)
    ran = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert [each for each in (tmp_path / "dist").iterdir() if fnmatch(each.name, "rerankq-*.whl")]


def test_the_image_runs_as_nobody_special() -> None:
    """A user by number, as Kubernetes demands it, and the same that the manifests name."""
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user == "10001:10001"
    tags = re.findall(r"^FROM python:(\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(tags)) == 1
    assert re.match(r"\d+\.\d+\.\d+-slim", tags[0])


def test_the_image_installs_what_is_locked_for_it() -> None:
    """The extras of the image are those for which its lock file is made."""
    (installed,) = re.findall(r'"\$\{wheel\}\[([\w,]+)\]"', DOCKERFILE)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (line,) = re.findall(r"((?:--extra \w+ )+)\\\n.*requirements-image\.lock", makefile)
    assert re.findall(r"--extra (\w+)", line) == installed.split(",")
