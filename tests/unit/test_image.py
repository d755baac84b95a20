"""The image is built from what the package needs, and from nothing else."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copied() -> set[str]:
    """What the Dockerfile copies out of the checkout."""
    lines = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "ops/Dockerfile").read_text(), re.MULTILINE
    )
    return {source for line in lines for source in line.split()}


def test_what_the_image_copies_is_let_in() -> None:
    """`.dockerignore` lets in exactly what the Dockerfile copies."""
    let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(let_in) == copied()


def test_the_image_has_all_of_the_wheel() -> None:
    """All folders from which the wheel is built are copied."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    folders = {path.split("/")[0] for path in wheel["packages"]} | {*wheel["force-include"]}
    assert folders <= copied()
