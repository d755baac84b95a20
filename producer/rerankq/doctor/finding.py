"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PAGE: Final = "docs/doctor.md"
NOT_CHECKED: Final = "not_checked"


class Level(StrEnum):
    """How bad a finding is, from good to bad."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing has to be done."""
    WARNING = "warning"
    """It works, but something may go wrong, or already goes wrong for some jobs."""
    FAULT = "fault"
    """It does not work, or will lose jobs."""

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found. It holds nothing private: no key, password, query or document.

    Attributes:
        code: a stable name of what was found; the page explains it under this heading.
        level: how bad it is.
        what: what was found, in words.
        advice: what to do; empty if nothing has to be done.
    """

    code: str
    level: Level
    what: str
    advice: str = ""

    @property
    def link(self) -> str:
        """Where it is explained; what is well needs no heading of its own."""
        return PAGE if self.level is Level.OK else f"{PAGE}#{self.code}"


class CannotCheckError(Exception):
    """Raised by a check that cannot be made here; its text says why."""


def ok(code: str, what: str) -> Finding:
    """All is well."""
    return Finding(code, Level.OK, what)


def note(code: str, what: str, advice: str = "") -> Finding:
    """Worth knowing."""
    return Finding(code, Level.NOTE, what, advice)


def warning(code: str, what: str, advice: str) -> Finding:
    """Something may go wrong."""
    return Finding(code, Level.WARNING, what, advice)


def fault(code: str, what: str, advice: str) -> Finding:
    """It does not work, or will lose jobs."""
    return Finding(code, Level.FAULT, what, advice)


def split(message: str) -> tuple[str, str]:
    """What happened and what to do: the two parts of an error's message in this project."""
    what, _, advice = message.partition(": ")
    return what, advice
