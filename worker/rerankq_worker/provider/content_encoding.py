"""Undoes the compression of an answer, which nobody asked for; within bounds.

Some gateways compress whatever they are asked, and name "identity" in many ways.
"""

import sys
import zlib
from collections.abc import Mapping
from typing import Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLAIN: Final = {"", "identity", "none", "utf-8", "utf8", "binary", "8bit", "chunked"}
"""What says that nothing was done to a body, or is said by mistake."""
_MOST_TIMES: Final = 3


def unpacked(body: bytes, headers: Mapping[str, str], most_bytes: int) -> bytes:
    """A body as it was before it was compressed.

    Args:
        body: as it came.
        headers: of the answer, their names in lower case.
        most_bytes: how long it may become.

    Raises:
        ValueError: it cannot be undone; says why.
    """
    named = f"{headers.get('content-encoding', '')},{headers.get('transfer-encoding', '')}".lower()
    done = [each for each in map(str.strip, named.split(",")) if each not in PLAIN]
    # Said by mistake: JSON begins no compressed body.
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
            return _bounded(zlib.decompressobj(wbits=31), body, most_bytes)
        if encoding == "deflate":
            # With zlib's head, as the standard has it, or without, as many send it.
            raw = not (body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0)
            return _bounded(zlib.decompressobj(wbits=-15 if raw else 15), body, most_bytes)
        if encoding == "zstd":
            return _bounded(zstd.ZstdDecompressor(), body, most_bytes)
    except (zlib.error, zstd.ZstdError, EOFError):
        raise ValueError(f"what was called {encoding} is none") from None
    raise ValueError("it is compressed in an unknown way, which was not asked for")


def _bounded(
    unpacker: "zlib._Decompress | zstd.ZstdDecompressor", body: bytes, most_bytes: int
) -> bytes:
    found = unpacker.decompress(body, most_bytes + 1)
    if len(found) > most_bytes:
        raise ValueError(f"it is over {most_bytes:,} bytes")
    if not unpacker.eof:
        raise ValueError("it is cut off")
    return found
