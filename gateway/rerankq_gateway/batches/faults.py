"""What is wrong with the lines of a file: the first of them, and how many there are."""

from bisect import insort
from typing import Any, Final

from rerankq_gateway.lines import BadLine

MOST_SHOWN: Final = 50
"""So many bad lines a batch shows."""


class Faults:
    """The bad lines of a file, in the order of the file.

    Args:
        first: one that is known already.

    Attributes:
        count: how many there are; only the first of them are kept.
    """

    def __init__(self, *first: BadLine) -> None:
        self.count = len(first)
        self._kept = list(first)

    def add(self, bad: BadLine | None) -> None:
        """Note a bad line; None for a good one."""
        if bad is None:
            return
        self.count += 1
        insort(self._kept, bad, key=lambda each: each.line)
        del self._kept[MOST_SHOWN:]

    def shown(self) -> tuple[dict[str, Any], ...]:
        """The first of them as OpenAI shows them."""
        return tuple(map(_shown, self._kept))


def more(shown: int, count: int) -> list[dict[str, Any]]:
    """An entry that says how many bad lines are not shown; none when all are."""
    if count <= shown:
        return []
    left = count - shown
    lines = "line is" if left == 1 else "lines are"
    message = f"{left:,} more {lines} bad; the first {shown:,} are listed"
    return [{"code": "more_errors", "line": None, "message": message, "param": None}]


def _shown(bad: BadLine) -> dict[str, Any]:
    said = f"{bad.field}: {bad.reason}" if bad.field else bad.reason
    return {
        "code": bad.code,
        "line": bad.line or None,
        "message": f"line {bad.line}: {said}" if bad.line else said,
        "param": bad.field or None,
    }
