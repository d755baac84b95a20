import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ("producer", "worker", "gateway", "sandbox")
PACKAGES = sorted(each.parent for root in ROOTS for each in (ROOT / root).rglob("__init__.py"))

LISTED = re.compile(r"^(\w+/?) {2,}\S", re.MULTILINE)
"""A line of a package's docstring about one of its modules; the name of a folder ends with "/"."""


def listed_in(package: Path) -> list[str]:
    """The modules that a package's docstring lists."""
    code = ast.parse((package / "__init__.py").read_text("utf-8"))
    return [each.removesuffix("/") for each in LISTED.findall(ast.get_docstring(code) or "")]


def modules_of(package: Path) -> list[str]:
    modules = [each.stem for each in package.glob("*.py") if not each.stem.startswith("__")]
    folders = [each.parent.name for each in package.glob("*/__init__.py")]
    return sorted([*modules, *folders])


@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_a_package_says_what_each_of_its_modules_does(package: Path) -> None:
    """Its docstring has a line for each module and folder; one that has but one needs none."""
    modules, listed = modules_of(package), [each for each in listed_in(package) if each != "lua"]
    assert sorted(listed) == modules or (len(modules) <= 1 and not listed)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_a_package_lists_its_scripts(package: Path) -> None:
    """Its docstring has a line for the folder `lua`, if there is one, and only then."""
    assert ("lua" in listed_in(package)) == (package / "lua").is_dir()
