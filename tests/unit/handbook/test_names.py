"""What pages name exists: commands, options, metrics, reasons."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handbook.place import DOCS, ROOT
from rerankq.cli.commands import COMMANDS, loaded
from rerankq.monitoring.metrics.catalogue import CATALOGUE
from rerankq_worker.upstream.errors import UpstreamError

PAGES = sorted([*ROOT.glob("README*.md"), ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
COMMAND = re.compile(r"(?:`|\$ )rerankq ([a-z]+)(?: ([a-z]+))?([^`\n]*)")
OPTION = re.compile(r"(?<!\S)--[a-z-]+")
METRIC = re.compile(r"`(?:[a-z:]+:)?(rerankq_[a-z_]+?)(?:_bucket|_count|_sum)?[`{\[]")
REASON = re.compile(r"`(upstream_[a-z_]+)`")
NO_REASONS = {"upstream_request_id"}
"""A field of the log."""

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)


@cache
def options() -> dict[str, set[str]]:
    """The options of each command, by its words."""
    found = {}
    for row in COMMANDS:
        command = loaded(row)
        for name, member in getattr(command, "commands", {"": command}).items():
            found[f"{row.name} {name}".strip()] = _options(member)
    return found


def _options(command: Any) -> set[str]:
    context = command.make_context("", [], resilient_parsing=True)
    return {
        option
        for each in command.get_params(context)
        for option in (*each.opts, *each.secondary_opts)
    }


@each_page
def test_a_page_names_commands_and_options_that_exist(page: Path) -> None:
    """`rerankq …` on a page is a command, with options that it has."""
    groups = {name.partition(" ")[0] for name in options() if " " in name}
    for first, second, rest in COMMAND.findall(page.read_text("utf-8")):
        if first in groups and not second:
            continue
        name = f"{first} {second}" if first in groups else first
        assert name in options(), name
        assert set(OPTION.findall(rest)) <= options()[name], (name, rest)


@each_page
def test_a_page_names_metrics_that_exist(page: Path) -> None:
    """`rerankq_…` on a page is a metric, or a package."""
    known = {each.name for each in CATALOGUE}
    packages = {"rerankq_worker", "rerankq_gateway", "rerankq_sandbox"}
    fixtures = {"rerankq_scores", "rerankq_redis_url"}
    assert set(METRIC.findall(page.read_text("utf-8"))) <= known | packages | fixtures


@each_page
def test_a_page_names_reasons_that_exist(page: Path) -> None:
    """`upstream_…` on a page is the reason of a failure."""
    kinds, codes = [UpstreamError], set()
    while kinds:
        below = kinds.pop().__subclasses__()
        codes |= {kind.code for kind in below}
        kinds += below
    assert set(REASON.findall(page.read_text("utf-8"))) - NO_REASONS <= codes
