"""Pages that are made of the code: they have everything, and nothing that is internal."""

import importlib
import re
from typing import Annotated, Any

import pytest
from pydantic import Field
from pydantic.fields import FieldInfo

from handbook.docstrings import docstring
from handbook.place import Language
from handbook.reference import made, python
from handbook.reference.fields import type_name
from handbook.reference.settings import type_of
from rerankq import errors
from rerankq.cli.commands import COMMANDS
from rerankq.events import EVENTS
from rerankq.monitoring.metrics.catalogue import CATALOGUE
from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES
from rerankq_gateway.app import described
from rerankq_gateway.settings import GatewaySettings
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream.errors import UpstreamError


def headings(text: str) -> set[str]:
    return {title.strip("`") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("language", Language)
def test_settings(language: Language) -> None:
    """Each setting of each class is there once, with its type, its default and its meaning."""
    page = made("settings", language, for_sphinx=True)
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (.+) \|$", page, re.MULTILINE)
    classes = (ClientSettings, WorkerSettings, GatewaySettings)
    expected = {name for each in classes for name in each.names()}
    assert sorted(name for name, *_ in rows) == sorted(expected)
    assert all(kind.strip() and meaning.strip() for _, kind, meaning in rows)
    assert {f"`{name}`" for name in OTHER_NAMES} <= set(re.findall(r"`\w+`", page))
    assert ("RERANKQ_MAX_ATTEMPTS", "5") in {
        (name, kind.split("`")[1]) for name, kind, _ in rows if "`" in kind
    }


@pytest.mark.parametrize(
    ("annotation", "english", "chinese"),
    [
        (Annotated[int, Field(ge=1, le=9)], "whole number, 1 to 9", "整数，1 到 9"),  # noqa: RUF001  as Chinese has it
        (Annotated[float, Field(gt=0)] | None, "number, more than 0", "数，> 0"),  # noqa: RUF001
        (tuple[str, ...], "list of text", "文本的列表"),
        (bool, "true or false", "布尔值"),
    ],
)
def test_the_type_of_a_setting_is_told_in_words(
    annotation: Any, english: str, chinese: str
) -> None:
    """It names what may be given, with its bounds."""
    field = FieldInfo.from_annotation(annotation)
    assert type_of(field, Language.ENGLISH) == english
    assert type_of(field, Language.CHINESE) == chinese


def test_commands() -> None:
    """Each command and each member of a group has a section, with its options."""
    page = made("commands", Language.ENGLISH, for_sphinx=True)
    titles = headings(page)
    assert {f"rerankq {row.name}" for row in COMMANDS} <= titles
    assert {"rerankq batch pause", "rerankq dead replay", "rerankq token create"} <= titles
    assert "`--on-error <skip\\|stop>`" in page


def test_events() -> None:
    """Each event has a section, and each of its fields a type."""
    page = made("events", Language.ENGLISH, for_sphinx=True)
    assert {kind.name for kind in EVENTS} <= headings(page)
    assert "| `retry_after` | `float \\| None` |" in page


def test_metrics() -> None:
    """Each metric is in the table."""
    page = made("metrics", Language.ENGLISH, for_sphinx=True)
    assert all(f"| `{each.name}` | {each.kind} |" in page for each in CATALOGUE)


def test_errors() -> None:
    """Each error has a section, and the table its code, its exit code and its HTTP status."""
    page = made("errors", Language.ENGLISH, for_sphinx=True)
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, errors.RerankqError)
        and each is not errors.RerankqError
    ]
    assert {kind.__name__ for kind in kinds} == headings(page)
    assert all(f"| `{kind.code}` |" in page for kind in kinds)
    assert re.search(r"^\| \[`JobNotFound`\].* \| 1 \| 404 \|$", page, re.MULTILINE)


def test_reasons() -> None:
    """Each code of an error of the upstream is told, and those with which the ledger ends jobs."""
    page = made("reasons", Language.ENGLISH, for_sphinx=True)
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \| \d+ \|$", page, re.MULTILINE))
    kinds, codes = [UpstreamError], set()
    while kinds:
        below = kinds.pop().__subclasses__()
        codes |= {kind.code for kind in below}
        kinds += below
    ledger = {"crash_loop", "cancelled", "deadline_passed", "internal_error"}
    assert codes | ledger | {"invalid_request", "unsupported_version"} == told.keys()


def test_routes() -> None:
    """Each operation of the gateway's own description has a section."""
    page = made("http", Language.ENGLISH, for_sphinx=True)
    paths: dict[str, dict[str, Any]] = described()["paths"]
    assert {
        f"{method.upper()} {path}" for path, item in paths.items() for method in item
    } <= headings(page)
    assert "| `documents` (needed) |" in page


@pytest.mark.parametrize("module", ["rerankq", "rerankq.testing"])
def test_every_public_class_of_a_module_is_shown(module: str) -> None:
    """The reference has each class that the module gives to programs."""
    names = importlib.import_module(module).__all__
    public = importlib.import_module(module)
    classes = [name for name in names if isinstance(getattr(public, name), type)]
    assert set(classes) == set(python.CLASSES[module])


def test_an_asynchronous_class_shows_what_the_other_one_has() -> None:
    """Methods for rerankq's own parts are not shown."""
    shown = python.members("rerankq", "AsyncBatch")
    assert shown == python.members("rerankq", "Batch")
    assert {"add", "results", "seal"} <= set(shown)
    assert not {"offer", "reader"} & set(shown)
    assert "begin_anew" not in python.members("rerankq", "RerankClient")


def test_plain_text_has_signatures_and_docstrings() -> None:
    """What Sphinx reads from the code, readers of Markdown get as text."""
    page = made("python", Language.ENGLISH, for_sphinx=False)
    assert "cancel(self, job_id: str) -> JobState" in page
    assert "- `query`: what the documents are ranked for." in page


def test_a_docstring_is_taken_apart() -> None:
    """Its text, and its parts by name, each on one line."""

    def asks(query: str) -> None:
        """Ask.

        Twice, if need be.

        Args:
            query: what is asked; this
                goes on.

        Raises:
            ValueError: it is empty.
        """

    told = docstring(asks)
    assert told.summary == "Ask."
    assert told.text == "Ask.\n\nTwice, if need be."
    assert told.parts == {
        "Args": {"query": "what is asked; this goes on."},
        "Raises": {"ValueError": "it is empty."},
    }


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int, "int"),
        (str | None, "str | None"),
        (dict[str, Any], "dict[str, Any]"),
        (tuple[int, ...], "tuple[int, ...]"),
    ],
)
def test_a_type_is_named_as_code_has_it(annotation: object, name: str) -> None:
    """Without the names of modules."""
    assert type_name(annotation).replace("typing.", "") == name
