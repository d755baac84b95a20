"""Ranges of bytes (RFC 9110, section 14), with which a download that was cut goes on."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from rerankq_gateway.errors import GatewayError

_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)


class Wanted(NamedTuple):
    """What is sent of a document.

    Attributes:
        status: 200 for all of it, 206 for a part.
        start: the first byte.
        end: behind the last byte.
        size: of the whole.
    """

    status: int
    start: int
    end: int
    size: int

    def headers(self, etag: str) -> dict[str, str]:
        """The headers that say so."""
        headers = {
            "accept-ranges": "bytes",
            "content-length": str(self.end - self.start),
            "etag": etag,
        }
        if self.status == _PARTIAL:
            headers["content-range"] = f"bytes {self.start}-{self.end - 1}/{self.size}"
        return headers


_PARTIAL: Final = 206


def wants_part(headers: Mapping[bytes, bytes], etag: str) -> bool:
    """Whether a part of the document is asked for, and the caller has the rest of this one."""
    condition = headers.get(b"if-range")
    if condition is not None and condition.decode("latin-1").strip() != etag:
        return False
    return _RANGE.fullmatch(headers.get(b"range", b"").decode("latin-1").strip()) is not None


def wanted(headers: Mapping[bytes, bytes], *, size: int, etag: str) -> Wanted:
    """What is sent. Several ranges at once, and ranges in other units, are not: then all of it is.

    Args:
        headers: of the request, by name.
        size: of the document, in bytes.
        etag: the document's strong tag, with its quotes.

    Raises:
        GatewayError: 416, the range lies behind the end.
    """
    whole = Wanted(200, 0, size, size)
    found = _RANGE.fullmatch(headers.get(b"range", b"").decode("latin-1").strip())
    if found is None or not wants_part(headers, etag):
        return whole
    first, last = found.groups()
    if not first and not last:
        return whole
    if not first:
        # The last so many bytes.
        start, end = max(0, size - int(last)), size
        is_empty = int(last) == 0
    else:
        start, end = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < int(first):
            return whole
        is_empty = False
    if start >= size or is_empty:
        raise GatewayError(
            *(416, "range_not_satisfiable"),
            f"the range begins behind the end: there are {size:,} bytes",
            headers=((b"content-range", f"bytes */{size}".encode()),),
        )
    return Wanted(_PARTIAL, start, end, size)
