"""The site for programs that read Markdown: `llms.txt`, `llms-full.txt`, a file for each page.

`llms.txt` is as https://llmstxt.org describes it. The OpenAPI description stands beside them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from handbook import markdown, pages
from handbook.place import OF_THE_FOLDER, OUTLINE, Language, page_file, page_names
from handbook.reference import http

_CONTENTS: Final = re.compile(r"^:::\{toctree\}\n(.*?)^:::$", re.DOTALL | re.MULTILINE)
_CAPTION: Final = re.compile(r"^:caption: (.+)$", re.MULTILINE)
_SENTENCE: Final = re.compile(r"(.+?\.)(?:\s|$)", re.DOTALL)
_ROW: Final = re.compile(r"^\| \[[^\]]+\]\(([^)]+)\.md\) \| (.+) \|$", re.MULTILINE)


def outline() -> Iterator[tuple[str, list[str]]]:
    """The groups of pages, each with its caption and the names of its pages, in order."""
    for contents in _CONTENTS.findall(page_file(OUTLINE).read_text("utf-8")):
        lines = [line.strip() for line in contents.splitlines()]
        caption = _CAPTION.search(contents)
        names = [line for line in lines if line and not line.startswith(":")]
        yield (caption[1] if caption else "More"), names


def write(folder: Path, language: Language) -> None:
    """Write the files beside the pages; in Chinese only the description, which pages link to."""
    description = json.dumps(http.description(), ensure_ascii=False, indent=1)
    (folder / "openapi.json").write_text(f"{description}\n", "utf-8")
    if language is not Language.ENGLISH:
        return
    texts = {name: pages.plain(name) for name in page_names()}
    for name, text in texts.items():
        file = folder / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    (folder / "llms.txt").write_text(contents(texts), "utf-8")
    (folder / "llms-full.txt").write_text(whole(texts), "utf-8")


def contents(texts: dict[str, str]) -> str:
    """`llms.txt`: all pages with a sentence each."""
    first, told = texts[OUTLINE], _descriptions()
    parts = [f"# {markdown.title_of(first)}\n", f"> {_first_sentence(first)}\n"]
    for caption, names in outline():
        parts.append(f"## {caption}\n")
        for name in names:
            about = told.get(name) or _first_sentence(texts[name])
            parts.append(f"- [{markdown.title_of(texts[name])}]({name}.md): {about}")
        parts.append("")
    parts += ["## Optional\n", "- [All pages in one file](llms-full.txt)"]
    parts += ["- [The gateway's routes as OpenAPI](openapi.json)"]
    return "\n".join(parts) + "\n"


def whole(texts: dict[str, str]) -> str:
    """`llms-full.txt`: all pages, one after the other."""
    listed = [OUTLINE, *(name for _, names in outline() for name in names)]
    names = [*listed, *(name for name in texts if name not in listed)]
    return "\n\n".join(f"<!-- {name}.md -->\n\n{texts[name].strip()}" for name in names) + "\n"


def _descriptions() -> dict[str, str]:
    """What the folder's table of pages says of each."""
    return dict(_ROW.findall(page_file(OF_THE_FOLDER).read_text("utf-8")))


def _first_sentence(text: str) -> str:
    """The first sentence of a page's prose, without links."""
    for paragraph in markdown.without_code(text).split("\n\n"):
        prose = paragraph.strip()
        if prose and prose[0] not in "#|:<-!":
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(prose.split()))
            found = _SENTENCE.match(plain)
            return found[1] if found else plain
    return ""
