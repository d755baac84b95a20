"""The body of a request: within its cap, which is checked before more is read or unpacked."""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Final

from rerankq_gateway.asgi.request import Disconnected, HotRequest
from rerankq_gateway.errors import GatewayError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEAST_BYTES: Final = 16 * 1024
"""So much of a body, or the rest of it, must come in the time in which something must come: else a
byte a minute would hold a place for years."""
_PORTION: Final = 256 * 1024
"""Most bytes that are unpacked at once: a small body can unpack to a thousand times its size."""


async def body(request: HotRequest, *, most: int) -> bytes:
    """The whole body, unpacked.

    Raises:
        GatewayError: 413 over `most` bytes, 415 for an unknown encoding, 400 when it is damaged.
        Disconnected: the caller has gone.
    """
    parts = [part async for part in chunks(request, most=most)]
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def chunks(request: HotRequest, *, most: int) -> AsyncIterator[bytes]:
    """The body as it comes, unpacked; nothing over `most` bytes.

    Raises:
        GatewayError: as `body`; at once when the caller says that it is longer; 401 when its token
            was revoked meanwhile.
        Disconnected: the caller has gone.
    """
    _check_length(request, most)
    encoding = request.headers.get(b"content-encoding", b"").strip().lower()
    pieces = _received(request, most)
    if encoding not in {b"", b"identity"}:
        pieces = _unpacked(pieces, encoding, most)
    async for piece in pieces:
        yield piece


def _check_length(request: HotRequest, most: int) -> None:
    said = request.headers.get(b"content-length", b"0")
    if not said.isdigit():
        raise GatewayError(400, "invalid_header", "Content-Length must be a number of bytes")
    if len(said) > len(str(most)) or int(said) > most:
        raise too_large(most)


async def _received(request: HotRequest, most: int) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    size = came = 0
    left = request.idle_seconds
    more = True
    while more:
        asked = clock()
        try:
            async with asyncio.timeout(left):
                message = await request.receive()
        except TimeoutError:
            raise _too_slow(request.idle_seconds) from None
        left -= clock() - asked
        if message["type"] == "http.disconnect":
            raise Disconnected
        await request.check_admission()
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        came += len(piece)
        if came >= LEAST_BYTES:
            left, came = request.idle_seconds, 0
        if size > most:
            raise too_large(most)
        if piece:
            yield piece


async def _unpacked(
    pieces: AsyncIterator[bytes], encoding: bytes, most: int
) -> AsyncIterator[bytes]:
    unpacker = _unpacker(encoding)
    size = 0
    async for piece in pieces:
        rest = piece
        while True:
            try:
                part = unpacker.unpack(rest)
            except (zlib.error, zstd.ZstdError, EOFError):
                raise _damaged(encoding) from None
            rest = b""
            size += len(part)
            if size > most:
                raise too_large(most)
            if not part:
                break
            yield part
            # A few bytes can unpack to a gigabyte: others have their turn meanwhile.
            await asyncio.sleep(0)
    if not unpacker.is_whole:
        raise _damaged(encoding)


class _Gzip:
    """Unpacks gzip, also of several members, as `cat a.gz b.gz` makes it."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._left = b""

    def unpack(self, data: bytes) -> bytes:
        """A portion of what was given so far; empty when more is needed."""
        data = self._left + data
        part = b""
        while data and not part:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            part = self._member.decompress(data, _PORTION)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        # Without new bytes a member may still give what is left in it.
        part = part or self._member.decompress(b"", _PORTION)
        self._left = data
        return part

    @property
    def is_whole(self) -> bool:
        """Whether the last member ended."""
        return self._member.eof and not self._left


class _Zstd:
    """Unpacks Zstandard, also of several frames."""

    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor()

    def unpack(self, data: bytes) -> bytes:
        """A portion of what was given so far; empty when more is needed."""
        while True:
            if self._frame.eof:
                data = self._frame.unused_data + data
                if not data:
                    return b""
                self._frame = zstd.ZstdDecompressor()
            part = self._frame.decompress(data, _PORTION)
            if part or not self._frame.eof:
                return part
            data = b""

    @property
    def is_whole(self) -> bool:
        """Whether the last frame ended."""
        return self._frame.eof and not self._frame.unused_data


def _unpacker(encoding: bytes) -> _Gzip | _Zstd:
    """What unpacks this encoding.

    Raises:
        GatewayError: 415.
    """
    if encoding in {b"gzip", b"x-gzip"}:
        return _Gzip()
    if encoding == b"zstd":
        return _Zstd()
    raise GatewayError(
        415,
        "unsupported_encoding",
        "this content encoding is not known: send the body as it is, or as gzip or zstd",
        param="content-encoding",
    )


def _damaged(encoding: bytes) -> GatewayError:
    return GatewayError(
        400,
        "invalid_body",
        f"the body cannot be unpacked: it is no whole {encoding.decode()} stream",
    )


def _too_slow(seconds: float) -> GatewayError:
    return GatewayError(
        408,
        "body_timeout",
        f"nothing of the body, or very little, came for {seconds:g} seconds: send it again",
    )


def too_large(most: int) -> GatewayError:
    """The error for a body over the cap."""
    return GatewayError(
        413, "body_too_large", f"the body is over {most:,} bytes, the most that is taken: split it"
    )
