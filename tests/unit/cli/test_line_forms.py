import json
from typing import Any

import pytest

from rerankq.cli.input.job_lines import Defaults, entry_from
from rerankq.cli.input.lines import Line
from rerankq.client import RejectedLine
from rerankq.contract import MAX_JOB_BYTES, Job, Lane

DEFAULTS = Defaults(model="m", lane=Lane.INTERACTIVE, top_n=7)
GOOD: dict[str, Any] = {"query": "cats", "documents": ["a cat", "a dog"]}


def entry(text: bytes | None, defaults: Defaults = DEFAULTS) -> Job | RejectedLine:
    return entry_from(Line(3, text), batch_id="b", defaults=defaults)


def job(fields: dict[str, Any], defaults: Defaults = DEFAULTS) -> Job:
    made = entry(json.dumps(fields).encode(), defaults)
    assert isinstance(made, Job), made
    return made


def fault(text: bytes | None) -> RejectedLine:
    made = entry(text)
    assert isinstance(made, RejectedLine)
    assert made.line == 3
    assert made.error.message.startswith("line 3: ")
    return made


def reason(fields: dict[str, Any]) -> str:
    return fault(json.dumps(fields).encode()).error.message.removeprefix("line 3: ")


def test_a_flat_line_is_a_job_of_the_batch() -> None:
    """A line may have fields of the request and of the job."""
    made = job(GOOD | {"custom_id": "c", "top_n": 1, "metadata": {"k": "v"}, "lane": "bulk"})
    assert (made.custom_id, made.request.top_n, made.metadata) == ("c", 1, {"k": "v"})
    assert (made.lane, made.batch_id) == (Lane.BULK, "b")


def test_a_line_has_its_own_lowest_score() -> None:
    """Lines without min_score and raw_scores have those of the command; their own come first."""
    defaults = Defaults(model="m", min_score=0.5, raw_scores=True)
    made = job(GOOD, defaults).request
    assert (made.min_score, made.raw_scores) == (0.5, True)
    made = job(GOOD | {"min_score": 0, "raw_scores": False}, defaults).request
    assert (made.min_score, made.raw_scores) == (0.0, False)


def test_a_line_of_a_batch_file_is_a_job() -> None:
    """In OpenAI's form the request is in the body."""
    body = GOOD | {"model": "other", "top_n": 2}
    made = job({"custom_id": "c", "method": "POST", "url": "/v1/rerank", "body": body})
    assert (made.custom_id, made.request.model, made.request.top_n) == ("c", "other", 2)


def test_defaults_are_for_lines_that_say_nothing() -> None:
    """A null counts as not given."""
    made = job(GOOD | {"top_n": None, "lane": None})
    assert (made.request.model, made.request.top_n, made.lane) == ("m", 7, Lane.INTERACTIVE)
    assert job(GOOD | {"top_n": 1}).request.top_n == 1


def test_unknown_fields_are_ignored() -> None:
    """Unknown fields are ignored, even if their names have a meaning inside a job."""
    strange = {"relevant": [0], "id": 5, "version": "9.9", "batch_id": "x", "url": "http://a"}
    made = job(GOOD | strange)
    assert made.batch_id == "b"
    assert made.id != "5"


def test_a_byte_order_mark_is_no_fault() -> None:
    """A file that a Windows editor has written is read."""
    assert isinstance(entry(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()), Job)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"documents": ["a"]}, "query: is required"),
        (GOOD | {"query": " "}, "query: must not be empty"),
        (GOOD | {"documents": []}, "documents: must not be empty"),
        (GOOD | {"documents": "a"}, "documents: must be a list"),
        (GOOD | {"lane": "fast"}, "lane: must be 'interactive' or 'bulk'"),
        (GOOD | {"top_n": 0}, "top_n: must be 1 or more"),
        ({"method": "GET", "url": "/v1/rerank", "body": GOOD}, "method: must be POST"),
        (
            {"method": "POST", "url": "/v1/embeddings", "body": GOOD},
            "url: must end with /v1/rerank or /rerank",
        ),
        ({"method": "POST", "url": "/v1/rerank"}, "body: must be an object"),
        ({"body": GOOD}, "method: must be POST"),
    ],
)
def test_a_bad_line_names_its_field(fields: dict[str, Any], said: str) -> None:
    """The reason names the field and says what is wrong with it."""
    assert reason(fields) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"query": "secret"', "not valid JSON (unexpected end of data, character 19)"),
        (b'{"query": "secret", "top_n": NaN}', "not valid JSON (unexpected character"),
        (b'{"query": "\xff\xfe secret"}', "not valid UTF-8 (byte 12)"),
        (b'["secret"]', "must be a JSON object"),
        (None, f"is over {MAX_JOB_BYTES:,} bytes: split the job"),
    ],
)
def test_what_is_no_object_is_a_bad_line(text: bytes | None, said: str) -> None:
    """The reason never shows the content of the line."""
    message = fault(text).error.message
    assert message.startswith(f"line 3: {said}")
    assert "secret" not in message


def test_a_bad_line_keeps_its_name() -> None:
    """A bad line keeps its custom id if that can be read."""
    assert fault(b'{"custom_id": "c", "query": ""}').custom_id == "c"
    assert fault(b'{"custom_id": 5, "query": ""}').custom_id is None
    assert fault(json.dumps({"custom_id": "c" * 600}).encode()).custom_id is None


def test_a_job_that_outgrows_its_line_is_a_bad_line() -> None:
    """A job that the ledger would refuse is refused with the line's number."""
    documents = ["x" * 130_000] * 129
    short = json.dumps({"query": "q", "documents": [*documents, ""]}, separators=(",", ":"))
    last = "y" * (MAX_JOB_BYTES - 10 - len(short))
    text = short.replace('""', f'"{last}"').encode()
    assert len(text) < MAX_JOB_BYTES
    assert "split it" in fault(text).error.message
