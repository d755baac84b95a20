import json

import pytest

from rerankq.cli.up.output import shown_as
from rerankq.monitoring.settings import LogFormat


def test_all_parts_write_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, a part's objects stay as they are, and any other line becomes an object."""
    show = shown_as(LogFormat.JSON)
    show("worker", '{"message": "one"}')
    show("flower", "two")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"message": "one"}
    assert (second["service"], second["message"], second["level"]) == ("flower", "two", "info")
    assert second["time"].endswith("Z")


def test_a_pretty_line_has_the_name_of_its_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Names are as wide as the longest, so that lines begin below each other."""
    shown_as(LogFormat.PRETTY)("worker", "one")
    assert capsys.readouterr().out == "worker  | one\n"
