"""Dashboards for Grafana: their JSON is what the code builds."""

import json
from pathlib import Path
from typing import Any

import pytest

from grafana.__main__ import FOLDER, files

FILES = sorted(FOLDER.glob("*.json"))
each_file = pytest.mark.parametrize("page", FILES, ids=lambda page: page.stem)


def test_the_files_are_those_that_the_code_builds() -> None:
    """After a change: `PYTHONPATH=ops python -m grafana`."""
    assert dict(files()) == {page.name: page.read_text("utf-8") for page in FILES}


@each_file
def test_a_dashboard_is_complete(page: Path) -> None:
    """Each panel has a title, a description, an id of its own, a unit and named series."""
    board: dict[str, Any] = json.loads(page.read_text("utf-8"))
    assert board["uid"] == page.stem
    assert board["tags"] == ["rerankq"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${source}"
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(each["expr"] and each["legendFormat"] for each in panel["targets"])
