"""The style, the script and the icon of the pages: browsers keep them, by their content."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

_TYPES: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
KEPT: Final = (b"cache-control", b"public, max-age=31536000, immutable")


class Asset(NamedTuple):
    """A file that every page may load.

    Attributes:
        kind: its content type.
        content: its bytes.
        packed: the same, packed by gzip.
        mark: changes with its content.
    """

    kind: bytes
    content: bytes
    packed: bytes
    mark: str


@cache
def asset(name: str) -> Asset | None:
    """The file of that name; None when there is none."""
    kind = _TYPES.get(name)
    if kind is None:
        return None
    content = files(__package__ or "").joinpath(name).read_bytes()
    mark = hashlib.sha256(content).hexdigest()[:12]
    return Asset(kind.encode(), content, gzip.compress(content, mtime=0), mark)


def address(base: str, name: str) -> str:
    """Where a page finds it."""
    found = asset(name)
    if found is None:
        raise LookupError(name)
    return f"{base}/assets/{name}?{found.mark}"
