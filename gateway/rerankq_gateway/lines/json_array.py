"""Splits a JSON array into its entries without reading the whole of it."""

import re
from typing import Final

from rerankq_gateway.lines.json_lines import too_long
from rerankq_gateway.lines.line import INVALID_JSON, BadLine, Line, UnreadableLines

# A whole string, a quote that begins one that is not whole yet, or a sign of structure. Everything
# else (numbers, words, blanks) is skipped. The quantifiers give nothing back: no input makes
# this slow.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)
_OPENING: Final = b"[{"
_CLOSING: Final = b"]}"


class ArraySplitter:
    """Finds the commas between the entries of the outermost array; the entries are not checked.

    Args:
        most_line: most bytes of an entry.
    """

    def __init__(self, most_line: int) -> None:
        self._most = most_line
        self._number = 0
        self._depth = 0
        self._data = b""
        # Where the search goes on in `_data`, whose first byte is the first of an entry.
        self._at = 0
        self._is_over = False

    def split(self, data: bytes) -> list[Line | BadLine]:
        """The entries that are whole with these bytes.

        Raises:
            UnreadableLines: an entry is too long, or something follows the array.
        """
        self._data += data
        found: list[Line | BadLine] = []
        start = 0
        for token in _TOKEN.finditer(self._data, self._at):
            if self._is_over:
                break
            sign = token[0]
            if sign == b'"':
                # The rest of the string has yet to come: the search begins with it again.
                self._at = token.start()
                break
            self._at = token.end()
            if sign in _OPENING:
                self._depth += 1
                if self._depth == 1:
                    start = self._opened(token.start(), token.end())
            elif sign in _CLOSING:
                self._depth -= 1
                if self._depth == 0:
                    self._check_closing(sign)
                    self._entry(found, start, token.start(), is_last=True)
                    self._is_over, start = True, token.end()
            elif sign == b"," and self._depth == 1:
                self._entry(found, start, token.start())
                start = token.end()
        else:
            self._at = len(self._data)
        self._data = self._data[start:]
        self._at -= start
        self._check_rest()
        return found

    def end(self) -> list[Line | BadLine]:
        """Nothing: the last entry ends with the array.

        Raises:
            UnreadableLines: the array does not end.
        """
        if not self._is_over:
            raise self._unreadable("the array ends too early: a ] is missing")
        return []

    def _opened(self, start: int, end: int) -> int:
        if self._data[:start].strip():
            raise self._unreadable("is no JSON array")
        return end

    def _check_closing(self, sign: bytes) -> None:
        if sign != b"]":
            raise self._unreadable("a } closes what no { has opened")

    def _entry(
        self, found: list[Line | BadLine], start: int, end: int, *, is_last: bool = False
    ) -> None:
        content = self._data[start:end].strip()
        if is_last and not content and not self._number:
            return  # the array is empty
        self._number += 1
        if not content:
            found.append(BadLine(self._number, "", "is empty: a comma too many", INVALID_JSON))
        elif len(content) > self._most:
            found.append(too_long(self._number, self._most))
        else:
            found.append(Line(self._number, content))

    def _check_rest(self) -> None:
        if self._is_over:
            if self._data.strip():
                raise self._unreadable("something follows the array: send one array only")
            self._data, self._at = b"", 0
        elif len(self._data) > self._most:
            # Where it ends is not known, so what follows cannot be read either.
            raise UnreadableLines(too_long(self._number + 1, self._most))

    def _unreadable(self, reason: str) -> UnreadableLines:
        return UnreadableLines(BadLine(self._number + 1, "", reason, INVALID_JSON))
