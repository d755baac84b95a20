"""The tree of errors, with codes, exit codes and HTTP statuses, and the reasons of ends."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Final

from handbook import markdown
from handbook.docstrings import docstring
from handbook.place import Language, page_file
from rerankq import errors
from rerankq.cli.failures import exit_code
from rerankq.ledger.outcomes import CRASH_LOOP
from rerankq_gateway.errors.table import problem_of
from rerankq_worker.upstream.errors import UpstreamError

_OF_THE_LEDGER: Final = (CRASH_LOOP, "internal_error", "cancelled", "deadline_passed")
_UNREADABLE: Final = (errors.InvalidRequest.code, errors.UnsupportedVersion.code)
_ENDS: Final = {"cancelled": errors.JobCancelled, "deadline_passed": errors.JobExpired}
_ROW: Final = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|$", re.MULTILINE)


def made(language: Language) -> str:  # noqa: ARG001  docstrings are in English
    """A table of all errors, and a section for each."""
    kinds = list(_below(errors.RerankqError))
    rows = [
        (
            f"[`{kind.__name__}`](#{kind.__name__.lower()})",
            f"`{kind.code}`",
            docstring(kind).summary,
            str(int(exit_code(_example(kind)))),
            _status_of(_example(kind)),
        )
        for kind in kinds
    ]
    heads = ("Error", "`code`", "When", "Exit code", "HTTP status")
    parts = [part for kind in kinds for part in _kind(kind)]
    return "\n".join([markdown.table(heads, rows), *parts])


def _below(kind: type[errors.RerankqError]) -> Iterator[type[errors.RerankqError]]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from _below(each)


def _example(kind: type[errors.RerankqError]) -> errors.RerankqError:
    needs_two = issubclass(kind, errors.JobEnded | errors.InvalidRequest)
    return kind("example", "for a table") if needs_two else kind("for a table")


def _status_of(error: errors.RerankqError) -> str:
    status = problem_of(error).status
    # What no request meets is answered like a fault of the gateway itself.
    return "" if status == HTTPStatus.INTERNAL_SERVER_ERROR else str(status)


def _kind(kind: type[errors.RerankqError]) -> Iterator[str]:
    told = docstring(kind)
    above = [f"`{each.__name__}`" for each in kind.__bases__]
    yield f"## {kind.__name__}\n\nDerives from {' and '.join(above)}. {told.text}\n"
    rows = [(f"`{name}`", meaning) for name, meaning in told.parts.get("Attributes", {}).items()]
    if rows:
        yield markdown.table(("Attribute", "Meaning"), rows)


def reasons(language: Language) -> str:  # noqa: ARG001  as above
    """A table of the reasons for which a job ends without a ranking, or waits."""
    rows = [(f"`{code}`", _meaning(code), _status(code)) for code in _codes()]
    return markdown.table(("`reason`", "What happened", "HTTP status"), rows)


def _codes() -> list[str]:
    found, kinds = [], [UpstreamError]
    while kinds:
        kind = kinds.pop(0)
        kinds = [*kind.__subclasses__(), *kinds]
        found.append(kind.code)
    of_upstream = [code for code in dict.fromkeys(found) if code != UpstreamError.code]
    return [*of_upstream, *_OF_THE_LEDGER, *_UNREADABLE]


def _status(code: str) -> str:
    kind = _ENDS.get(code, errors.JobFailed)
    return str(problem_of(kind(code, "for a table")).status)


def _meaning(code: str) -> str:
    said = _said().get(code)
    if said:
        return said
    (kind, *_) = (each for each in _kinds(UpstreamError) if each.code == code)
    return f"{docstring(kind).summary} The job waits and does not end."


def _kinds(kind: type[UpstreamError]) -> Iterator[type[UpstreamError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


@cache
def _said() -> dict[str, str]:
    """What the page about a job's life says of each reason."""
    text = page_file("life-of-a-job").read_text("utf-8").partition("\n## How a job ends\n")[2]
    return {
        code: meaning for codes, meaning in _ROW.findall(text) for code in re.findall(r"\w+", codes)
    }
