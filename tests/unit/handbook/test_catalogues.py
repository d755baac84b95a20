"""The translation into Chinese keeps up with the pages."""

from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from handbook import catalogues
from handbook.chinese_search import Runs, words
from handbook.place import CATALOGUES, catalogue_file, page_names


def test_every_catalogue_belongs_to_a_page() -> None:
    """A page that is gone takes its catalogue with it."""
    known = {catalogue_file(name) for name in page_names()}
    assert set(CATALOGUES.rglob("*.po")) <= known


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogue of a page, of which a test says what it has."""
    file = tmp_path / "page.po"
    monkeypatch.setattr(catalogues, "catalogue_file", lambda _: file)
    return file


def messages(*texts: str) -> Catalog:
    found = Catalog()
    for text in texts:
        found.add(text)
    return found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('msgid "a job"\nmsgstr ""\n', "is not translated"),
        ('#, fuzzy\nmsgid "a job"\nmsgstr "任务"\n', "is not translated"),
        ('msgid "another"\nmsgstr "另一个"\n', "is not in the catalogue"),
        ('msgid "a job"\nmsgstr "任务"\n\nmsgid "gone"\nmsgstr "没了"\n', "no page has this"),
        ('msgid "a job"\nmsgstr "任务"\n\n#~ msgid "gone"\n#~ msgstr "没了"\n', "no page has this"),
    ],
)
def test_what_is_wrong_with_a_catalogue_is_found(catalogue: Path, text: str, fault: str) -> None:
    """What is missing, empty, in doubt, or left over."""
    catalogue.write_text(text, "utf-8")
    assert any(fault in each for each in catalogues.faults("page", messages("a job")))


def test_a_translation_keeps_code_and_links(catalogue: Path) -> None:
    """A setting that was renamed, or another target, does not stay in the translation."""
    catalogue.write_text('msgid "set `A` ([how](a.md))"\nmsgstr "设置 `B` [方法](a.md)"\n', "utf-8")
    wanted = messages("set `A` ([how](a.md))")
    assert [each.partition(": ")[2][:20] for each in catalogues.faults("page", wanted)] == [
        "the translation has "
    ]


def test_an_update_keeps_translations_and_drops_the_rest(catalogue: Path) -> None:
    """New messages are empty; what the page has no more is gone, and not kept as a comment."""
    catalogue.write_text('msgid "old"\nmsgstr "旧"\n\nmsgid "kept"\nmsgstr "留"\n', "utf-8")
    catalogues.update("page", messages("kept", "new"))
    text = catalogue.read_text("utf-8")
    assert 'msgid "kept"\nmsgstr "留"' in text
    assert 'msgid "new"\nmsgstr ""' in text
    assert "old" not in text


def test_chinese_text_is_found_by_runs_of_characters() -> None:
    """Each run of two to four characters counts as a word; other text does not."""
    assert set(words("租约到期 lease")) == {
        *("租约", "约到", "到期"),
        *("租约到", "约到期"),
        "租约到期",
    }


def test_the_search_in_a_browser_has_the_stemmer_that_it_asks_for() -> None:
    """Sphinx writes the stemmer's name from one attribute, and its code from another."""
    folder = Path(str(files("sphinx.search") / "minified-js"))
    code = (folder / str(Runs.js_stemmer_rawcode)).read_text("utf-8")
    assert f"var {Runs.language_name}Stemmer=" in code
