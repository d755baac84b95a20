"""The findings that exist, and their page."""

import ast
import re
from pathlib import Path

import rerankq
import rerankq_gateway
import rerankq_worker
from rerankq.doctor.finding import NOT_CHECKED, PAGE

ROOT = Path(__file__).parents[3]
MAKERS = ("note", "warning", "fault")


def codes() -> dict[str, list[ast.Call]]:
    """The codes of all findings that are not well, with the calls that make them."""
    made: dict[str, list[ast.Call]] = {}
    for package in (rerankq, rerankq_worker, rerankq_gateway):
        for file in (Path(str(package.__file__)).parent / "doctor").rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Name(id=maker), args=[ast.Constant(value=str(code)), *_]
                    ) if maker in MAKERS:
                        made.setdefault(code, []).append(node)
    return made


def test_every_finding_has_a_heading_on_its_page() -> None:
    """The page explains each code, and no other: the link of a finding leads to its heading."""
    headings = re.findall(r"^### (\w+)$", (ROOT / PAGE).read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted({*codes(), NOT_CHECKED})


def test_what_is_bad_says_what_to_do() -> None:
    """A warning and a fault have three parts, or hand a message over that has them."""
    for code, calls in codes().items():
        for call in calls:
            is_bad = isinstance(call.func, ast.Name) and call.func.id != "note"
            starred = any(isinstance(each, ast.Starred) for each in call.args)
            assert not is_bad or starred or len(call.args) == 3, code
