"""Decompresses an answer, within bounds.

Requests ask for no compression, but some gateways compress in any case, and some write "identity"
in unusual ways.
"""

import sys
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLAIN: Final = {"", "identity", "none", "utf-8", "utf8", "binary", "8bit", "chunked"}
"""Values that mean "not compressed", or that servers send by mistake."""
_MOST_TIMES: Final = 3
_MOST_PARTS: Final = 1000
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""How gzip and zstd begin."""
_JSON_ENDS: Final = {b"}", b"]"}


def unpacked(body: bytes, headers: Mapping[str, str], most_bytes: int) -> bytes:
    """The decompressed body.

    Args:
        body: the body as it came.
        headers: the answer's headers, their names in lower case.
        most_bytes: how long the result may be.

    Raises:
        ValueError: it cannot be decompressed; says why.
    """
    named = f"{headers.get('content-encoding', '')},{headers.get('transfer-encoding', '')}".lower()
    done = [each for each in map(str.strip, named.split(",")) if each not in PLAIN]
    # A body that begins like JSON is not compressed, whatever the header says.
    if not done or body.lstrip()[:1] in {b"{", b"["}:
        return body
    if len(done) > _MOST_TIMES:
        raise ValueError(f"it is compressed {len(done)} times")
    for encoding in reversed(done):
        body = _undone(body, encoding, most_bytes)
    return body


def _undone(body: bytes, encoding: str, most_bytes: int) -> bytes:
    try:
        if encoding in {"gzip", "x-gzip"}:
            made = partial(zlib.decompressobj, wbits=31)
            return _bounded(made, body, most_bytes, next_part=_GZIP)
        if encoding == "deflate":
            # With zlib's header, as the standard demands, or without it, as many servers send it.
            raw = not (body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0)
            made = partial(zlib.decompressobj, wbits=-15 if raw else 15)
            return _bounded(made, body, most_bytes)
        if encoding == "zstd":
            return _bounded(zstd.ZstdDecompressor, body, most_bytes, next_part=_ZSTD)
    except (zlib.error, zstd.ZstdError, EOFError):
        raise ValueError(f"it is declared as {encoding}, but is not") from None
    raise ValueError("it is compressed in an unknown way, which was not asked for")


def _bounded(
    made: "Callable[[], zlib._Decompress | zstd.ZstdDecompressor]",
    body: bytes,
    most_bytes: int,
    *,
    next_part: bytes | None = None,
) -> bytes:
    """A body of one or more parts, each of which begins with `next_part`."""
    found, rest = b"", body
    for _ in range(_MOST_PARTS):
        unpacker = made()
        found += unpacker.decompress(rest, most_bytes + 1 - len(found))
        if len(found) > most_bytes:
            raise ValueError(f"it is over {most_bytes:,} bytes")
        # Some servers flush, but never end. JSON shows by itself whether it is whole.
        if not unpacker.eof and found.rstrip()[-1:] not in _JSON_ENDS:
            raise ValueError("it is cut off")
        rest = unpacker.unused_data
        if next_part is None or not rest.startswith(next_part):
            return found
    raise ValueError(f"it has over {_MOST_PARTS:,} parts")
