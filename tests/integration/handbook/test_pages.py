"""Every page of the documentation is whole, and leads where it says."""

import re
from functools import cache

import pytest

from handbook import links, llms, markdown, pages
from handbook.place import DOCS, Language, page_file, page_names

TAKEN_IN = re.compile(r"^:::\{(readme|readme-body|file|reference)\}", re.MULTILINE)
EXTERNAL = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w./#%-]*)?")

each_page = pytest.mark.parametrize("name", page_names())
plain = cache(pages.plain)


@cache
def anchors(name: str) -> set[str]:
    return {markdown.anchor(title) for _, title in markdown.headings(plain(name))}


@pytest.mark.parametrize("language", Language)
@each_page
def test_a_page_is_whole(name: str, language: Language) -> None:
    """Each link leads somewhere, each part exists, and each diagram has its picture."""
    text = pages.shown(name, language)
    assert text.startswith("# ")
    assert not TAKEN_IN.search(text)
    assert "```mermaid" not in text


@each_page
def test_anchors_of_other_pages_exist(name: str) -> None:
    """A link into a page of the site leads to one of its headings."""
    for _, _, target in links.LINK.findall(markdown.without_code(plain(name))):
        path, _, anchor = target.partition("#")
        if anchor and "://" not in target:
            there = (page_file(name).parent / path).resolve() if path else page_file(name)
            other = there.relative_to(DOCS).with_suffix("").as_posix()
            assert anchor in anchors(other), target


@each_page
def test_links_to_other_sites_are_well_formed(name: str) -> None:
    """They are not called here: they have https, a host and a path."""
    for _, _, target in links.LINK.findall(markdown.without_code(plain(name))):
        if "://" in target:
            assert EXTERNAL.fullmatch(target), target


def test_the_list_for_programs_has_every_page_with_a_sentence() -> None:
    """`llms.txt` links to the Markdown of each page, and `llms-full.txt` has all of them."""
    texts = {name: plain(name) for name in page_names()}
    listed = llms.contents(texts)
    assert listed.startswith("# rerankq\n\n> ")
    for _, names in llms.outline():
        for name in names:
            assert re.search(rf"^- \[.+\]\({name}\.md\): \S", listed, re.MULTILINE), name
    whole = llms.whole(texts)
    assert all(f"<!-- {name}.md -->" in whole for name in page_names())
    assert "RerankClient.submit" in whole
