"""Rows and segments of the history: what is written is found again, whatever it contains."""

from typing import Any

import orjson
import pytest

from rerankq.contract import JobFilter
from rerankq.history.rows import EMPTY, call_from, call_text, ended_fields, row_of
from rerankq.history.segments import lines, mark, may_have, packed, summary_from
from rerankq.history.wanted import Wanted
from rerankq.ledger.record_fields import record_from

RECORD: dict[str, Any] = {"state": "failed", "lane": "bulk", "submitted": 1, "finished": 5}
TEXTS = ["plain", 'quo"te', "back\\slash", "sl/ash", "käse", "名", "\x7f", "\u2028", "a b", ""]


def written(fields: dict[str, Any]) -> bytes:
    """A record as the scripts write it: slashes are escaped."""
    return orjson.dumps(RECORD | fields).replace(b"/", b"\\/")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["custom", "model", "reason", "metadata"])
def test_a_row_is_found_by_any_text(field: str, text: str) -> None:
    """Whatever a field contains, the hash and the look at the bytes find it, and no other row."""
    value: Any = {text: text} if field == "metadata" else text
    records = [written({field: value}), written({})]
    rows = [row_of(b"id 1 2 200 r", each, ended_fields(each), {}) for each in records]
    segment = packed(rows)
    given = {"custom": {"custom_id": text}, "model": {"model": text}, "reason": {"reasons": [text]}}
    wanted = Wanted(JobFilter.model_validate(given.get(field, {"metadata": value})))
    assert wanted.may_be_in(summary_from(segment.summary), segment.hashes)
    read = lines(segment.rows)
    assert [wanted.may_be(each) and wanted.accepts(record_from(each)) for each in read] == [
        True,
        False,
    ]


def test_damaged_segments_hold_up_nothing() -> None:
    """Bytes that are no segment have no rows, and a damaged summary excludes nothing."""
    assert lines(b"no frame") == []
    assert summary_from(b"[]").first == 0
    assert not may_have(b"odd", [mark("id", "x")])
    for record in (None, b"", b"[]", b"{", b'{"state": "queued"}'):
        assert row_of(b"id", record, ended_fields(record), {}) == EMPTY


@pytest.mark.parametrize(
    ("request_id", "kept"),
    [
        (None, None),
        ("req-1", "req-1"),
        ('a "b\\ \x1b c', "a ?b? ? c"),
        ("名", "?"),
        ("x" * 500, "x" * 100),
    ],
)
def test_what_is_noted_of_a_call_is_read_again(request_id: str | None, kept: str | None) -> None:
    """An upstream's id of a call is kept so that it can stand in JSON without quoting."""
    noted = call_text(0.1239, 345, 200, request_id)
    assert orjson.loads(b'"' + noted.encode() + b'"') == noted
    call = call_from(noted)
    assert call
    assert (call.seconds, call.tokens, call.status, call.request_id) == (0.123, 345, 200, kept)
    assert call_from("damaged") is None
    assert call_from(None) is None
