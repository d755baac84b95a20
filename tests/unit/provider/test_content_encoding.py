"""Answers that are compressed unasked, and spellings of "not compressed"."""

import gzip
import sys
import zlib

import pytest

from rerankq_worker.provider.content_encoding import unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b'{"results": []}'


def packed(body: bytes) -> bytes:
    """The body in gzip; the same bytes at any time."""
    return gzip.compress(body, mtime=0)


RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(BODY) + RAW.flush()


def flushed(wbits: int) -> bytes:
    """The body as a server sends it that flushes, but never ends what it compresses."""
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(BODY) + packer.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("name", ["identity", "Identity", "identity, identity", "", "none"])
def test_identity_has_many_spellings(name: str) -> None:
    """A body that is declared as uncompressed, in any spelling, is read as it is."""
    assert unpacked(b"x" + BODY, {"content-encoding": name}, 100) == b"x" + BODY


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (packed(BODY), "gzip"),
        (packed(BODY), " X-GZip "),
        (zlib.compress(BODY), "deflate"),
        (RAW_DEFLATE, "deflate"),
        (zstd.compress(BODY), "zstd"),
        (packed(zlib.compress(BODY)), "deflate, gzip"),
        (flushed(31), "gzip"),
        (flushed(15), "deflate"),
        (flushed(-15), "deflate"),
        (packed(BODY)[:-8], "gzip"),
        (packed(BODY[:5]) + packed(BODY[5:]), "gzip"),
        (packed(BODY) + b"\0" * 8, "gzip"),
        (zstd.compress(BODY[:5]) + zstd.compress(b"") + zstd.compress(BODY[5:]), "zstd"),
        (BODY, "gzip"),
        (BODY, "br"),
    ],
)
def test_a_body_compressed_unasked_is_read(body: bytes, name: str) -> None:
    """Each usual compression is decoded; a plain body declared as compressed is read too."""
    assert unpacked(body, {"content-encoding": name}, 100) == BODY
    assert unpacked(body, {"transfer-encoding": f"{name}, chunked"}, 100) == BODY


@pytest.mark.parametrize(
    ("body", "name", "words"),
    [
        (packed(b"x" * 100_000), "gzip", "over 100 bytes"),
        (zstd.compress(b"x" * 100_000), "zstd", "over 100 bytes"),
        (packed(BODY)[:-12], "gzip", "cut off"),
        (packed(BODY[:5]) + packed(BODY[5:])[:-12], "gzip", "cut off"),
        (packed(BODY) + packed(b"x" * 100_000), "gzip", "over 100 bytes"),
        (b"\x1f\x8b nonsense", "gzip", "but is not"),
        (b"nonsense", "zstd", "but is not"),
        (b"\x8bnonsense", "br", "which was not asked for"),
        (packed(b"") * 1001, "gzip", "over 1,000 parts"),
        (packed(BODY), "gzip, gzip, gzip, gzip", "4 times"),
    ],
)
def test_a_body_that_cannot_be_decompressed_says_why(body: bytes, name: str, words: str) -> None:
    """For a bomb, a broken body or an unknown compression the error says so."""
    with pytest.raises(ValueError, match=words):
        unpacked(body, {"content-encoding": name}, 100)
