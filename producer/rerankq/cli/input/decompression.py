"""gzip and Zstandard, unpacked as they are read: a little at a time, in bounded memory."""

import gzip
import sys
import zlib
from typing import IO, Final, Protocol, cast

from rerankq.cli.failures import InputBroken
from rerankq.cli.input.formats import GZIP, ZSTANDARD
from rerankq.cli.input.lines import Readable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


UNPACKERS: Final = {"gzip": "gzip -dc", "Zstandard": "zstd -dc"}
"""The command that unpacks each kind, for messages."""


class _Reader(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Decompressed:
    """The content of a compressed input.

    Args:
        packed: the compressed bytes.
        first: the first of them, which tell the format.
        name: the input's name in messages.
    """

    def __init__(self, packed: Readable, first: bytes, name: str) -> None:
        self._name = name
        self._kind = compression_of(first)
        file = cast("IO[bytes]", packed)
        self._reader: _Reader = (
            gzip.GzipFile(fileobj=file) if first.startswith(GZIP) else zstd.ZstdFile(file)
        )

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; empty at the end.

        Raises:
            InputBroken: it is damaged, or ends too early.
        """
        try:
            return self._reader.read1(size)
        except EOFError:
            raise InputBroken(
                f"cannot read {self._name} any further: its {self._kind} data ends too early, "
                "so a part of it is missing"
            ) from None
        except (gzip.BadGzipFile, zlib.error, zstd.ZstdError):
            raise InputBroken(
                f"cannot read {self._name} any further: its {self._kind} data is damaged"
            ) from None


def compression_of(first: bytes) -> str | None:
    """How an input with these first bytes is compressed; None when it is not, or not known."""
    if first.startswith(GZIP):
        return "gzip"
    return "Zstandard" if first.startswith(ZSTANDARD) else None
