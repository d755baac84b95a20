"""A line of an upload, and what is wrong with one."""

from typing import Final, NamedTuple

INVALID_JSON: Final = "invalid_json"


class Line(NamedTuple):
    """A line of JSONL, or an entry of a JSON array; numbered from 1.

    Lines that are empty are counted, but not given.
    """

    number: int
    content: bytes


class BadLine(NamedTuple):
    """A line that is no job.

    Attributes:
        line: its number.
        field: dotted path of the field that is wrong; empty for the whole line.
        reason: what is wrong with it, without its value.
        code: stable name of the kind of fault.
        custom_id: the caller's own name for it, if that could be read.
    """

    line: int
    field: str
    reason: str
    code: str = "invalid_request"
    custom_id: str | None = None


class UnreadableLines(Exception):
    """From here on the input cannot be split into lines.

    Attributes:
        bad: the first line that cannot be read.
    """

    def __init__(self, bad: BadLine) -> None:
        super().__init__(bad)
        self.bad = bad
