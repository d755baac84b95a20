"""The pages of the documentation, as they are given to Sphinx."""

import re
from itertools import pairwise

import pytest

from handbook import diagrams, links, llms, pages, readme, titles
from handbook.place import (
    OF_THE_FOLDER,
    Language,
    is_translated,
    page_file,
    page_names,
)

TAKEN_IN = re.compile(r"^:::\{(readme|readme-body|file|reference)\}", re.MULTILINE)


def test_every_page_is_in_a_table_of_contents() -> None:
    """The first page names each page but those of the runbook, which has its own table."""
    named = [name for _, names in llms.outline() for name in names]
    assert len(named) == len(set(named))
    expected = {name for name in page_names() if not name.startswith("runbook/")} - {"index"}
    assert set(named) == expected, "add the page to docs/index.md"


def test_readers_of_the_repository_find_each_page() -> None:
    """The folder's table names each page that is not made of other files."""
    table = page_file(OF_THE_FOLDER).read_text("utf-8")
    own = {name for name in page_names() if not TAKEN_IN.search(page_file(name).read_text("utf-8"))}
    listed = {name for name in own if f"]({name}.md)" in table}
    assert own - listed - {"index"} == {name for name in own if name.startswith("runbook/")}


def test_every_section_of_the_readme_is_shown() -> None:
    """What the README says is on the site too; it has its own first and last words."""
    shown = {section.title for section in readme.sections(Language.ENGLISH)} - {"More"}
    elsewhere = {"Settings", "Errors"}  # references, which are made of the code
    assert {title for title in shown if readme.page_of(title)[0] == "index"} == elsewhere


def test_a_page_without_a_catalogue_says_that_it_is_in_english() -> None:
    """In Chinese it begins with a note; a page with a catalogue does not."""
    note = "本页还没有译成中文"
    assert note in pages.shown("limits", Language.CHINESE)
    assert note not in pages.shown("limits", Language.ENGLISH)
    assert note not in pages.shown("concepts", Language.CHINESE)


def test_pages_without_a_catalogue_have_chinese_titles() -> None:
    """The navigation names them in Chinese; alerts keep their names, and no title is left over."""
    untranslated = {name for name in page_names() if not is_translated(name)}
    assert set(titles.titles()) == {
        name for name in untranslated if not name.startswith("runbook/")
    }
    assert pages.shown("gateway", Language.CHINESE).startswith("# HTTP 网关")
    assert pages.shown("gateway", Language.ENGLISH).startswith("# The HTTP gateway")


def test_chinese_sections_have_no_spaces_between_their_lines() -> None:
    """A browser would show the end of a line between two characters as a space."""
    lines = pages.shown("how-it-works", Language.CHINESE).splitlines()
    chinese = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
    for line, following in pairwise(lines):
        if line and following:
            assert not (chinese.match(line[-1]) and chinese.match(following[0])), line


@pytest.mark.parametrize(
    ("target", "language", "expected"),
    [
        ("../README.md", Language.ENGLISH, "index.md"),
        ("../README.md#command-line", Language.ENGLISH, "command-line.md"),
        ("../README.md#how-it-works", Language.ENGLISH, "how-it-works.md#how-it-works"),
        ("../README.md#how-it-works", Language.CHINESE, "how-it-works.md#工作原理"),
        (
            "../README.md#a-weekend-of-three-million-pairs",
            Language.CHINESE,
            "production.md#一个周末处理三百万对",
        ),
        ("README.md", Language.ENGLISH, "index.md"),
        ("../examples", Language.ENGLISH, "examples.md"),
        ("../CONTRIBUTING.md#code", Language.ENGLISH, "contributing.md#code"),
        ("limits.md#permits", Language.ENGLISH, "limits.md#permits"),
        ("../docker-compose.yml", Language.ENGLISH, "../docker-compose.yml"),
    ],
)
def test_a_link_leads_to_the_page_that_shows_its_target(
    target: str, language: Language, expected: str
) -> None:
    """A file outside the folder of pages has its page, and a heading of the README too."""
    fitted = links.fitted(
        f"[it]({target})",
        origin=page_file("redis"),
        page="redis",
        language=language,
        for_sphinx=True,
    )
    assert fitted == f"[it]({expected})"


def test_a_link_to_a_folder_becomes_words() -> None:
    """No page shows the folder; its name is told."""
    text = "see [`ops/prometheus`](../ops/prometheus)"
    fitted = links.fitted(
        text,
        origin=page_file("monitoring"),
        page="monitoring",
        language=Language.ENGLISH,
        for_sphinx=True,
    )
    assert fitted == "see `ops/prometheus`"


@pytest.mark.parametrize("target", ["absent.md", "../README.md#no-such-heading"])
def test_a_broken_link_is_refused(target: str) -> None:
    """The message names the page and the target."""
    with pytest.raises(links.BrokenLink, match=r"docs/redis\.md"):
        links.fitted(
            f"[it]({target})",
            origin=page_file("redis"),
            page="redis",
            language=Language.ENGLISH,
            for_sphinx=True,
        )


def test_every_picture_belongs_to_a_diagram() -> None:
    """`make diagrams` was run after the last change: no picture is left over."""
    drawn = {diagrams.picture_of(each) for each in diagrams.diagrams()}
    assert set(diagrams.FOLDER.glob("*.svg")) == drawn


def test_a_diagram_that_has_changed_has_no_picture() -> None:
    """The site is not built with the picture of another one."""
    with pytest.raises(diagrams.NotDrawn, match="make diagrams"):
        diagrams.shown("```mermaid\nflowchart LR\n```", page="limits", title="Limits")
