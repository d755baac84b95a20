"""Output in gzip or Zstandard."""

import sys
import zlib
from typing import Final, Protocol, Self

from rerankq.cli.failures import OutputFailed
from rerankq.cli.rows.output import Output

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP_WINDOW: Final = 31
"""The largest window, 2^15 bytes, and 16 for a header of gzip (zlib's manual, deflateInit2)."""


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class CompressedOutput:
    """Compresses what is written to another output.

    A run that is broken off ends the compressed data too, so that the rows so far can be read.

    Args:
        inner: takes the compressed bytes.
        suffix: `.gz` or `.zst`.

    Attributes:
        name: the output's name in messages.
    """

    def __init__(self, inner: Output, suffix: str) -> None:
        self.name = inner.name
        self._inner = inner
        self._packer: _Packer = (
            zlib.compressobj(wbits=_GZIP_WINDOW) if suffix == ".gz" else zstd.ZstdCompressor()
        )
        self._has_written = False

    def write(self, lines: bytes, /) -> None:
        """Write whole lines.

        Raises:
            OutputFailed: it cannot be written.
        """
        self._has_written = True
        if packed := self._packer.compress(lines):
            self._inner.write(packed)

    def end(self, *, whole: bool) -> None:
        """End the output. A run that was broken off without a row leaves the file as it was.

        Raises:
            OutputFailed: it cannot be written.
        """
        try:
            if whole or self._has_written:
                self._inner.write(self._packer.flush())
        except OutputFailed:
            if whole:
                raise  # if not, the caller knows that rows are missing
        self._inner.end(whole=whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.__exit__(None, None, None)
