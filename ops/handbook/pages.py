"""A page as Markdown: with the parts that it takes from elsewhere, and with links that fit.

A page takes them in by these blocks, each of two lines:

    :::{readme} TITLE          a section of the README, with its heading
    :::{readme-body} TITLE     the same without it
    :::{file} PATH             a file of the repository, without its first heading
    :::{reference} NAME        what `handbook.reference` makes of the code
"""

import re
from pathlib import Path
from typing import Final

from handbook import diagrams, links, markdown, readme, reference, titles
from handbook.place import ROOT, Language, is_translated, page_file

_BLOCK: Final = re.compile(r"^:::\{(readme|readme-body|file|reference)\} (.+)\n:::$", re.MULTILINE)
_PATTERN: Final = re.compile(r"^:::\{toctree\}\n:glob:\n.*?^:::\n", re.DOTALL | re.MULTILINE)
_CHINESE: Final = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
_BETWEEN_CHINESE: Final = re.compile(rf"(?<={_CHINESE})\n *(?={_CHINESE})")
_IN_ENGLISH: Final = ":::{note}\n本页还没有译成中文，以下是英文原文。\n:::\n"  # noqa: RUF001  as Chinese has it


def shown(name: str, language: Language) -> str:
    """A page as Sphinx reads it.

    Raises:
        LookupError: a link leads to nothing, or a part or picture does not exist.
    """
    text = _with_parts(name, language, for_sphinx=True)
    text = diagrams.shown(text, page=name, title=markdown.title_of(text))
    if language is not Language.ENGLISH and not is_translated(name):
        head, _, rest = text.partition("\n")
        title = titles.shown(name, head.removeprefix("# "))
        return f"# {title}\n\n{_IN_ENGLISH}\n{rest}"
    return text


def plain(name: str) -> str:
    """A page in English as Markdown that any reader understands.

    Raises:
        LookupError: a link leads to nothing, or a part does not exist.
    """
    text = _with_parts(name, Language.ENGLISH, for_sphinx=False)
    return re.sub(r"^:::+\{toctree\}.*?^:::+\n+", "", text, flags=re.DOTALL | re.MULTILINE)


def to_translate(name: str) -> str:
    """What the catalogue of a page translates: its own words.

    The README's sections exist in both languages, and what is made of the code has its own words.
    """
    text = _own(name, Language.ENGLISH, for_sphinx=True)
    # The pages that a pattern finds are not read with this one, of which Sphinx would warn.
    return _BLOCK.sub("", _PATTERN.sub("", text))


def _with_parts(name: str, language: Language, *, for_sphinx: bool) -> str:
    def part(block: re.Match[str]) -> str:
        kind, argument = block.groups()
        if kind == "reference":
            return reference.made(argument, language, for_sphinx=for_sphinx).strip()
        origin = ROOT / argument if kind == "file" else language.readme
        return links.fitted(
            _of_file(origin) if kind == "file" else _of_readme(kind, argument, language),
            origin=origin,
            page=name,
            language=language,
            for_sphinx=for_sphinx,
        ).strip()

    return _BLOCK.sub(part, _own(name, language, for_sphinx=for_sphinx))


def _own(name: str, language: Language, *, for_sphinx: bool) -> str:
    page = page_file(name)
    text = page.read_text("utf-8")
    return links.fitted(text, origin=page, page=name, language=language, for_sphinx=for_sphinx)


def _of_file(file: Path) -> str:
    return file.read_text("utf-8").partition("\n")[2]


def _of_readme(kind: str, title: str, language: Language) -> str:
    section = readme.section(title, language)
    text = section.body
    if language is not Language.ENGLISH:
        text = markdown.outside_code(text, lambda prose: _BETWEEN_CHINESE.sub("", prose))
    return f"## {section.title}\n\n{text}" if kind == "readme" else markdown.promoted(text)
