"""A job as it is stored in Redis: JSON, compressed where that saves memory.

Compressed, real text takes half the memory, also in each copy that Redis makes of it. Chinese is
written as UTF-16 before it is compressed, with two bytes a character instead of three: that saves
another tenth. A Zstandard frame is recognised by its first bytes, and UTF-16 by the zero byte
after the brace. Readers accept all of these, so a producer in another language may write plain
JSON.
"""

import sys
from typing import Final

from rerankq.contract import MAX_JOB_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEAST_BYTES: Final = 3 * 1024
"""Smaller jobs are not compressed: it would save little memory and cost time for each."""
_FRAME: Final = b"\x28\xb5\x2f\xfd"
_WIDE_BRACE: Final = b"{\0"
_UTF_16: Final = "utf-16-le"
_OPTIONS: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: 1,
    # The level's default is longer than two Chinese characters.
    zstd.CompressionParameter.min_match: 4,
}


class Packer:
    """Packs jobs, one after another. Its compressor is costly to set up, so one packs many jobs."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(options=_OPTIONS)

    def packed(self, job: bytes) -> bytes:
        """The job's JSON as it is stored."""
        if len(job) < LEAST_BYTES:
            return job
        text = job.decode()
        if 2 * len(text) < len(job):
            job = text.encode(_UTF_16)
        return self._compressor.compress(job, zstd.ZstdCompressor.FLUSH_FRAME)


def unpacked(stored: bytes) -> bytes:
    """The job's JSON in UTF-8, from what is stored.

    A damaged frame, or one that holds more than `MAX_JOB_BYTES`, is returned as it is: no reader
    accepts that as JSON.
    """
    if not stored.startswith(_FRAME):
        return stored
    frame = zstd.ZstdDecompressor()
    try:
        job = frame.decompress(stored, MAX_JOB_BYTES)
        if not frame.eof:
            return stored
        return job.decode(_UTF_16).encode() if job.startswith(_WIDE_BRACE) else job
    except (zstd.ZstdError, UnicodeError):
        return stored
