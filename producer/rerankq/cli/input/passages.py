"""Ids and texts of documents and queries in data sets, whose fields have several usual names.

Sources: BEIR's corpus.jsonl and queries.jsonl (`_id`, `title`, `text`), Pyserini's collections
(`id`, `contents`), ir_datasets (`doc_id`, `query_id`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_DOCUMENT_IDS: Final = ("id", "_id", "docid", "doc_id", "docno")
_DOCUMENT_TEXTS: Final = ("text", "contents", "content", "body", "passage")
_QUERY_IDS: Final = ("_id", "id", "qid", "query_id")
_QUERY_TEXTS: Final = ("text", "query", "title")


def document_id(given: Mapping[str, Any]) -> str | None:
    """The id of a document; None without one."""
    return _id(given, _DOCUMENT_IDS)


def document_text(given: Mapping[str, Any]) -> str | None:
    """The title, if there is one, and the text of a document; None without a text."""
    text = _text(given, _DOCUMENT_TEXTS)
    title = given.get("title")
    if text is None or not isinstance(title, str) or not title.strip():
        return text
    return f"{title} {text}"


def query_id(given: Mapping[str, Any]) -> str | None:
    """The id of a query; None without one."""
    return _id(given, _QUERY_IDS)


def query_text(given: Mapping[str, Any]) -> str | None:
    """The text of a query; None without one."""
    return _text(given, _QUERY_TEXTS)


def _id(given: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = given.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return None


def _text(given: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((given[name] for name in names if isinstance(given.get(name), str)), None)
