"""Jobs as they are stored in Redis."""

import json
import sys

import pytest

from rerankq.contract import MAX_JOB_BYTES, Job
from rerankq.errors import InvalidRequest
from rerankq.ledger.payload import LEAST_BYTES, Packer, unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHINESE = "\u91cd\u6392\u5e8f\u4efb\u52a1\u961f\u5217" * 300
ENGLISH = "a long document, in letters of one byte each. " * 100


def stored_json(text: str) -> bytes:
    return json.dumps({"text": text}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "text", ["short", ENGLISH, CHINESE, ENGLISH + CHINESE, "\U0001f600" * 2000, CHINESE + "\0"]
)
def test_unpacking_reverses_packing(text: str) -> None:
    """For any text, unpacking returns the same bytes; one packer can be used again."""
    packer, job = Packer(), stored_json(text)
    for _ in range(3):
        assert unpacked(packer.packed(job)) == job


def test_small_jobs_are_stored_as_they_are() -> None:
    """Small jobs are plain JSON in Redis; larger ones are compressed."""
    job = b"{" + b" " * (LEAST_BYTES - 2)
    assert Packer().packed(job) is job
    assert len(Packer().packed(job + b"}")) < LEAST_BYTES / 2


def test_chinese_is_packed_as_utf_16() -> None:
    """Text that is shorter in UTF-16 is compressed so; other text is not."""
    assert zstd.decompress(Packer().packed(stored_json(CHINESE))).startswith(b"{\0")
    assert zstd.decompress(Packer().packed(stored_json(ENGLISH))).startswith(b'{"')


@pytest.mark.parametrize(
    "stored",
    [
        zstd.compress(b" " * (MAX_JOB_BYTES + 1)),
        zstd.compress(b"{" * 10_000)[:-1],
        b"\x28\xb5\x2f\xfd and no frame",
        zstd.compress(b"{\0\x00\xd8" + b"x\0" * 99),
    ],
    ids=["too-large", "cut-off", "no-frame", "broken-utf-16"],
)
def test_what_cannot_be_unpacked_is_no_job(stored: bytes) -> None:
    """A broken frame, or one larger than any job, is refused like bad JSON."""
    assert unpacked(stored) == stored
    with pytest.raises(InvalidRequest):
        Job.parse(unpacked(stored))
