"""Which inputs are read, and which are refused before anything is done with them."""

import gzip
import os
import sys
from pathlib import Path

import pytest

from rerankq.cli.failures import CommandError
from rerankq.cli.input import lines as reading
from rerankq.cli.input.files import Source
from rerankq.cli.input.lines import CHUNK_BYTES, read_lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JOBS = b'{"query": "q", "documents": ["d"]}\n' * 3


def read(source: Source) -> bytes:
    return b"".join(iter(lambda: source.read(7), b""))


def frames(first: bytes, second: bytes) -> bytes:
    return zstd.compress(first) + zstd.compress(second)


@pytest.mark.parametrize(
    "given",
    [
        b"",
        JOBS,
        b"\xef\xbb\xbf" + JOBS,
        JOBS.replace(b"\n", b"\r\n"),
        b"not yet\n" * 30 + JOBS,
        b"no job at all\n",
        JOBS.rstrip() + b"\n\x00\n",
    ],
    ids=["nothing", "jobs", "mark", "crlf", "rubbish first", "no job", "a nul"],
)
def test_compressed_text_is_read_like_plain_text(tmp_path: Path, given: bytes) -> None:
    """Gzip and Zstandard, also of many parts, are read like the text inside; lines may be bad."""
    half = len(given) // 2
    path = tmp_path / "in.jsonl"
    for packed in (
        given,
        gzip.compress(given[:half]) + gzip.compress(given[half:]),
        frames(given[:half], given[half:]),
    ):
        path.write_bytes(packed)
        with Source.open(str(path)) as source:
            assert read(source) == given
            assert source.share_read in {None, 1.0}


REFUSED = [
    (b"PK\x03\x04" + b"x" * 90, "a zip archive or an Excel workbook"),
    (b"PAR1" + b"\x15\x04" * 90, "a Parquet file"),
    (b"BZh91AY&SY" + b"x" * 90, "bzip2"),
    (b"\xfd7zXZ\x00\x00\x04", "xz"),
    (JOBS.decode().encode("utf-16"), "UTF-16"),
    (JOBS.decode().encode("utf-16-le"), "UTF-16 or binary"),
    (b'\n [{"query": "q", "documents": ["d"]}]', "a JSON array"),
    (b'{\n  "query": "q",\n  "documents": ["d"]\n}\n', "spread over lines"),
    (b"query,document\n" * 20, "it looks like CSV or plain text: write one JSON object a line"),
    (b"query,document\na,b", "it looks like CSV"),
    (b"name".ljust(257, b"\0") + b"ustar\x0000" + b"x" * 900, "a tar archive"),
    (gzip.compress(b"name".ljust(257, b"\0") + b"ustar  \0" + b"x" * 900), "tar archive: unpack"),
    (b"\x7fELF\x02\x01\x01\n\x00\x01\x02", "binary"),
    (gzip.compress(gzip.compress(JOBS)), "compressed twice"),
    (gzip.compress(b"PK\x03\x04" + b"x" * 90), "a zip archive"),
    (gzip.compress(JOBS)[:-9], "ends too early"),
    (gzip.compress(os.urandom(90))[:-12] + b"x" * 12, "damaged"),
    (zstd.compress(JOBS)[:-2], "ends too early"),
    (zstd.compress(JOBS) + b"rubbish", "damaged"),
]


@pytest.mark.parametrize(("given", "named"), REFUSED, ids=[named for _, named in REFUSED])
def test_an_input_that_is_no_text_is_named(tmp_path: Path, given: bytes, named: str) -> None:
    """One line says what the input is and what to do, before a job or the output is touched."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(given)
    with pytest.raises(CommandError) as refused:
        Source.open(str(path))
    assert str(refused.value).startswith(f"cannot read {path}")
    assert named in str(refused.value)


BY_A_PIPE = [
    (b"query,document\na,b\n", "looks like CSV or plain text"),
    (b"\n<jobs>\n", "looks like HTML or XML"),
    (b'"query"\n', "another JSON value"),
    (b"junk\n" + JOBS, "its first line is no JSON object"),
    (b"name".ljust(257, b"\0") + b"ustar\x0000" + b"x" * 900, "a tar archive"),
    (gzip.compress(b"query,document\na,b\n"), "looks like CSV or plain text"),
    (b'{\n"query": "q"}\n', "spread over lines"),
]


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize(("given", "named"), BY_A_PIPE, ids=[named for _, named in BY_A_PIPE])
def test_a_pipe_is_judged_by_its_first_line(
    tmp_path: Path, given: bytes, named: str, *, ended: bool
) -> None:
    """An input from a pipe is refused by its first line, before any line is taken as a job."""
    path = tmp_path / "in"
    os.mkfifo(path)
    filler = os.open(path, os.O_RDWR)
    os.write(filler, given)
    with Source.open(str(path)) as source:
        if ended or named == "a tar archive":
            os.close(filler)
        with pytest.raises(CommandError, match=named):
            source.begin()
        if not ended and named != "a tar archive":
            os.close(filler)


def test_documents_of_a_file_may_be_any_text(tmp_path: Path) -> None:
    """A file of documents need not be JSON Lines, so it may begin with a bracket; no archive."""
    path = tmp_path / "documents.txt"
    path.write_bytes(b"[1] A document.\n" * 30)
    with Source.open(str(path), json_lines=False) as source:
        assert read(source) == b"[1] A document.\n" * 30
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CommandError, match="zip archive"):
        Source.open(str(path), json_lines=False)


def test_an_input_that_is_endlessly_empty_is_not_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that unpacks to endless blanks, or to an endless line, ends the reading."""
    monkeypatch.setattr(reading, "MOST_EMPTY_BYTES", 4 * CHUNK_BYTES)
    path = tmp_path / "bomb.gz"
    for filling in (b"\n", b"x"):
        path.write_bytes(gzip.compress(JOBS + filling * (8 * CHUNK_BYTES), 1))
        with Source.open(str(path)) as source:
            lines = read_lines(source, limit=100)
            assert [next(lines).text for _ in range(3)] == JOBS.splitlines()
            with pytest.raises(CommandError, match="no line that could be a job"):
                list(lines)
