"""Decompresses an answer, within bounds.

Requests ask for no compression, but some gateways compress in any case, and some write "identity"
in unusual ways.
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
"""Values that mean "not compressed", or that servers send by mistake."""
_MOST_TIMES: Final = 3


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
            return _bounded(zlib.decompressobj(wbits=31), body, most_bytes)
        if encoding == "deflate":
            # With zlib's header, as the standard demands, or without it, as many servers send it.
            raw = not (body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0)
            return _bounded(zlib.decompressobj(wbits=-15 if raw else 15), body, most_bytes)
        if encoding == "zstd":
            return _bounded(zstd.ZstdDecompressor(), body, most_bytes)
    except (zlib.error, zstd.ZstdError, EOFError):
        raise ValueError(f"it is declared as {encoding}, but is not") from None
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
