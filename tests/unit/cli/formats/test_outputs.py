import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from rerankq.cli.batch.outputs import open_output
from rerankq.cli.failures import CommandError, OutputFailed
from rerankq.cli.rows import parquet_output
from rerankq.cli.rows.rows import job_row, rejected_row
from rerankq.contract import Document, JobError, JobState, RankedDocument, RerankResult, Usage
from rerankq.contract.result import Timings
from rerankq.errors import JobFailed, MissingExtra

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = [b'{"custom_id":"%d"}\n' % number for number in range(100)]
UNPACK = {".gz": gzip.decompress, ".zst": zstd.decompress}
each_suffix = pytest.mark.parametrize("suffix", UNPACK)


def row(number: int, name: str | None, scores: list[float]) -> bytes:
    if not scores:
        error = JobError(code="invalid_request", message=f"row {number}: no")
        return rejected_row(name, error)
    if scores[0] < 0.1:
        return job_row(f"job-{number}", name, JobState.FAILED, 2, JobFailed("refused", "no"))
    result = RerankResult(
        job_id=f"job-{number}",
        model="m",
        results=tuple(
            RankedDocument(
                index=index,
                relevance_score=score,
                document=Document(id=name, text="t") if score > 0.5 else None,
            )
            for index, score in enumerate(scores)
        ),
        usage=Usage(total_tokens=number),
        attempts=1,
        timings=Timings(waited_seconds=0.0, upstream_seconds=0.0),
    )
    return job_row(result.job_id, name, JobState.SUCCEEDED, 1, result)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
            st.lists(st.floats(0, 1), max_size=4),
        ),
        max_size=20,
    ),
    group=st.integers(1, 6),
)
def test_a_table_has_what_the_lines_have(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str | None, list[float]]],
    group: int,
) -> None:
    """A Parquet output has the rows of a JSON Lines output, in order, in groups of any size."""
    out = tmp_path_factory.mktemp("out") / "out.parquet"
    lines = [row(number, *each) for number, each in enumerate(rows)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_output, "GROUP_ROWS", group)
        with open_output(str(out)) as output:
            output.write(b"".join(lines[:5]))
            output.write(b"".join(lines[5:]))
            output.end(whole=True)
    table = parquet.read_table(out).to_pylist()
    assert without_nulls(table) == [without_nulls(json.loads(line)) for line in lines]
    assert parquet.ParquetFile(out).num_row_groups >= len(rows) // group
    assert [each.name for each in out.parent.iterdir()] == ["out.parquet"]


def test_a_table_replaces_the_former_one_when_it_is_complete(tmp_path: Path) -> None:
    """A run that is broken off leaves the former file as it was, and nothing beside it."""
    out = tmp_path / "out.parquet"
    with open_output(str(out)) as output:
        output.write(row(1, "a", [0.5]))
        output.end(whole=False)
    assert list(tmp_path.iterdir()) == []
    with open_output(str(out)) as output:
        output.write(row(1, "a", [0.5]))
        output.end(whole=True)
    before = out.read_bytes()
    with open_output(str(out)) as output:
        output.write(row(1, "b", [0.5]) * 20)
        output.end(whole=False)
    assert out.read_bytes() == before
    with open_output(str(out)) as output:
        output.end(whole=True)
    assert parquet.read_table(out).num_rows == 0
    assert list(tmp_path.iterdir()) == [out]


def test_a_table_is_written_through_a_link(tmp_path: Path) -> None:
    """An output that is a link stays one: the file that it leads to is replaced."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "out.parquet"
    link.symlink_to(tmp_path / "real" / "table.parquet")
    with open_output(str(link)) as output:
        output.write(row(1, "a", [0.5]))
        output.end(whole=True)
    assert link.is_symlink()
    assert parquet.read_table(tmp_path / "real" / "table.parquet").num_rows == 1


def test_two_commands_do_not_write_one_table(tmp_path: Path) -> None:
    """While a table is written, another command that would write it is refused."""
    out = tmp_path / "out.parquet"
    with (
        open_output(str(out)),
        pytest.raises(CommandError, match="another command is writing"),
    ):
        open_output(str(out))


def test_a_table_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed, the error says which extra brings it; no file is left."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"\[parquet\]"):
        open_output(str(tmp_path / "out.parquet"))
    assert list(tmp_path.iterdir()) == []


@each_suffix
def test_a_compressed_output_has_what_was_written(tmp_path: Path, suffix: str) -> None:
    """The suffix tells how an output is compressed; unpacked it has the lines."""
    out = tmp_path / f"out.jsonl{suffix}"
    with open_output(str(out)) as output:
        for line in LINES:
            output.write(line)
        output.end(whole=True)
    assert UNPACK[suffix](out.read_bytes()) == b"".join(LINES)


@each_suffix
def test_a_compressed_output_that_is_broken_off_can_be_read(tmp_path: Path, suffix: str) -> None:
    """The rows so far can be unpacked; a run that wrote nothing leaves the file as it was."""
    out = tmp_path / f"out.jsonl{suffix}"
    with open_output(str(out)) as output:
        output.write(LINES[0])
        output.end(whole=False)
    assert UNPACK[suffix](out.read_bytes()) == LINES[0]
    with open_output(str(out)) as output:
        output.end(whole=False)
    assert UNPACK[suffix](out.read_bytes()) == LINES[0]
    with open_output(str(out)) as output:
        output.end(whole=True)
    assert UNPACK[suffix](out.read_bytes()) == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", [*UNPACK, ".parquet"])
def test_an_output_that_cannot_be_written_is_one_clear_error(tmp_path: Path, suffix: str) -> None:
    """A full disk is named with the output's name, in every format."""
    out = tmp_path / f"out{suffix}"
    out.symlink_to("/dev/full")
    with open_output(str(out)) as output:
        with pytest.raises(OutputFailed, match="cannot write"):  # noqa: PT012  gzip's header first
            output.write(row(1, "a", [0.5]))
            output.end(whole=True)
        output.end(whole=False)
