import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from rerankq.cli.failures import CommandError
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.input.opening import Format, open_input
from rerankq.cli.input.parquet import table
from rerankq.cli.input.parquet.columns import assignments
from rerankq.client import RejectedLine
from rerankq.client.batches import BatchLine
from rerankq.contract import Document, Job
from rerankq.errors import MissingExtra

DEFAULTS = Defaults(model="m")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
GIVEN = TEXT.filter(lambda text: bool(text) and not text.isspace())


def written(path: Path, columns: Mapping[str, Any], *, group: int = 3) -> str:
    parquet.write_table(pa.table(dict(columns)), path, row_group_size=group)
    return str(path)


def entries(path: str, columns: Mapping[str, str] | None = None, skip: int = 0) -> list[BatchLine]:
    with open_input(path, Format.AUTO, columns) as opened:
        return [
            line for _, line in opened.entries(batch_id="batch-1", defaults=DEFAULTS, skip=skip)
        ]


def job(line: BatchLine) -> Job:
    assert isinstance(line.entry, Job), line.entry
    return line.entry


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            GIVEN,
            st.lists(GIVEN, min_size=1, max_size=4),
            st.integers(0, 2**40),
            st.none() | st.integers(1, 9),
            st.none() | GIVEN,
        ),
        max_size=12,
    ),
    group=st.integers(1, 5),
    skip=st.integers(0, 14),
)
def test_each_row_is_the_job_that_it_says(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, list[str], int, int | None, str | None]],
    group: int,
    skip: int,
) -> None:
    """Each row that is not skipped is a job with its values, in order, in groups of any size."""
    path = written(
        tmp_path_factory.mktemp("table") / "in.parquet",
        {
            "query": pa.array([row[0] for row in rows], pa.string()),
            "documents": pa.array([row[1] for row in rows], pa.list_(pa.string())),
            "id": pa.array([row[2] for row in rows], pa.int64()),
            "top_n": pa.array([row[3] for row in rows], pa.int64()),
            "instruction": pa.array([row[4] for row in rows], pa.string()),
            "unknown": pa.array([1 for _ in rows], pa.int64()),
        },
        group=group,
    )
    found = entries(path, skip=skip)
    assert [line.line for line in found] == list(range(1, len(rows) + 1))[skip:]
    assert [
        (
            job(line).request.query,
            list(job(line).request.documents),
            job(line).custom_id,
            job(line).request.top_n,
            job(line).request.instruction,
        )
        for line in found
    ] == [(row[0], row[1], str(row[2]), *row[3:]) for row in rows[skip:]]


def test_documents_may_be_structs_with_the_usual_names(tmp_path: Path) -> None:
    """Of a list of structs, id, title and text are taken, by any of their usual names."""
    path = written(
        tmp_path / "in.parquet",
        {
            "question": ["q"],
            "passages": [[{"docid": "7", "title": "T", "contents": "c", "url": "u"}]],
            "metadata": [{"team": "a", "none": None, "level": 3}],
        },
    )
    only = job(entries(path)[0])
    assert only.request.documents == (Document(id="7", text="T c"),)
    assert only.metadata == {"team": "a", "level": "3"}


def test_metadata_may_be_a_map_or_json(tmp_path: Path) -> None:
    """Metadata is read from a map and from a JSON object too."""
    for column in (
        pa.array([[("a", "1")]], pa.map_(pa.string(), pa.string())),
        pa.array(['{"a": 1}'], pa.string()),
    ):
        path = written(
            tmp_path / "in.parquet", {"query": ["q"], "documents": [["d"]], "metadata": column}
        )
        assert job(entries(path)[0]).metadata == {"a": "1"}


def test_a_column_of_another_name_is_named(tmp_path: Path) -> None:
    """`--column FIELD=COLUMN` wins over the usual names, and its column is used for no other."""
    path = written(
        tmp_path / "in.parquet",
        {"id": ["the query"], "frage": ["other"], "docs": [["a"]], "stuecke": [["b"]]},
    )
    found = job(entries(path, assignments(["query=id", "documents=stuecke"]))[0])
    assert (found.request.query, found.request.documents) == ("the query", ("b",))
    assert found.custom_id is None


@pytest.mark.parametrize("option", ["query", "query=", "colour=a", "=a"])
def test_a_column_option_that_names_no_field_is_refused(option: str) -> None:
    """An option of another form, or for no field, is refused with the fields that there are."""
    with pytest.raises(CommandError, match=r"write FIELD=COLUMN, with one of .*documents"):
        assignments([option])


def test_a_field_has_one_column() -> None:
    """A field that is given twice is refused."""
    with pytest.raises(CommandError, match="given twice"):
        assignments(["query=a", "query=b"])


def test_a_missing_column_is_said_with_those_that_are_there(tmp_path: Path) -> None:
    """Without a column for query or documents, the message lists the columns and the option."""
    path = written(tmp_path / "in.parquet", {"query": ["q"], "texte": [["d"]]})
    with pytest.raises(CommandError, match=r"no column for documents.*--column.*query, texte"):
        entries(path)
    with pytest.raises(CommandError, match="no column 'text' for documents: it has query, texte"):
        entries(path, {"documents": "text"})


def test_a_bad_row_is_an_entry_that_says_why(tmp_path: Path) -> None:
    """A row that is no job keeps its place and its id, and names the row and the field."""
    path = written(
        tmp_path / "in.parquet",
        {
            "query": ["q", None, "q"],
            "documents": [["d"], ["d"], [""]],
            "custom_id": ["a", "b", "c"],
        },
    )
    first, second, third = entries(path)
    assert job(first).custom_id == "a"
    assert isinstance(second.entry, RejectedLine)
    assert isinstance(third.entry, RejectedLine)
    assert (second.entry.custom_id, third.entry.custom_id) == ("b", "c")
    assert second.entry.error.message == "row 2: query: is required"
    assert third.entry.error.message.startswith("row 3: documents: ")


def test_documents_that_are_no_list_are_an_error_of_the_row(tmp_path: Path) -> None:
    """A column of strings is no column of documents: each row says so."""
    path = written(tmp_path / "in.parquet", {"query": ["q"], "documents": ["d"]})
    only = entries(path)[0].entry
    assert isinstance(only, RejectedLine)
    assert only.error.message.startswith("row 1: documents: must be a list of strings")


def test_a_row_group_is_read_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large row group, no more rows are in memory than have the bytes of a portion."""
    monkeypatch.setattr(table, "PORTION_BYTES", 2_000)
    path = written(
        tmp_path / "in.parquet",
        {
            "query": [f"{number:0500}" for number in range(100)],
            "documents": [[f"{number:0500}"] for number in range(100)],
        },
        group=100,
    )
    portions: list[int] = []
    inner = parquet.ParquetFile.iter_batches

    def noted(file: Any, **options: Any) -> Any:
        for portion in inner(file, **options):
            portions.append(portion.num_rows)
            yield portion

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", noted)
    with table.ParquetInput(path, {}) as opened:
        assert len(list(opened.entries(batch_id="b", defaults=DEFAULTS))) == 100
        assert opened.share_read == 1
    assert max(portions) <= 4


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + bytes(100), b"PAR1 and more PAR1"])
def test_a_damaged_table_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    """A file that begins as Parquet and is not whole is refused by name, with what to do."""
    path = tmp_path / "in.parquet"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"cannot read .*in\.parquet: .*get a complete copy"):
        open_input(str(path))


def test_a_table_does_not_come_from_stdin() -> None:
    """Parquet is read from its end: stdin is refused with the reason."""
    with pytest.raises(CommandError, match="not from stdin: name a file"):
        open_input("-", Format.PARQUET)


def test_columns_are_for_tables(tmp_path: Path) -> None:
    """`--column` with JSON Lines is refused: it would have no effect."""
    path = tmp_path / "in.jsonl"
    path.write_text("{}\n")
    with pytest.raises(CommandError, match="--column is for tables"):
        open_input(str(path), columns={"query": "q"})


def test_without_the_extra_the_message_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pyarrow is not installed, the error says which extra brings it."""
    path = written(tmp_path / "in.parquet", {"query": ["q"], "documents": [["d"]]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"\[parquet\]"):
        open_input(path)
