"""Reading messages: versions, broken JSON, Unicode, and the round trip."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rerankq.contract import (
    CONTRACT_VERSION,
    MESSAGES,
    BatchProgress,
    Document,
    Hint,
    Job,
    JobState,
    Lane,
    RerankRequest,
    RerankResult,
    Timings,
)
from rerankq.errors import InvalidRequest, UnsupportedVersion

JOB: dict[str, Any] = {"id": "j", "request": {"query": "q", "documents": ["d"]}}

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip())
)
labels = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
documents = texts | st.builds(Document, id=st.none() | labels, text=texts)
requests = st.builds(
    RerankRequest,
    query=texts,
    documents=st.lists(documents, min_size=1, max_size=5).map(tuple),
    top_n=st.none() | st.integers(1, 20_000),
    return_documents=st.booleans(),
    instruction=st.none() | labels,
    min_score=st.none() | st.floats(0, 1),
    raw_scores=st.none() | st.booleans(),
)
jobs = st.builds(
    Job,
    id=st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True),
    request=requests,
    lane=st.sampled_from(Lane),
    custom_id=st.none() | labels,
    metadata=st.dictionaries(labels, labels, max_size=3),
    deadline_seconds=st.none() | st.floats(0.001, 1e6),
    idempotency_key=st.none() | labels,
)


@given(jobs)
def test_job_survives_the_round_trip(job: Job) -> None:
    """An encoded job is read back as the same job, also by any JSON reader."""
    assert Job.parse(job.encode()) == job
    assert Job.parse(json.loads(job.encode())) == job


@given(jobs)
def test_a_stored_job_is_read_as_any_message(job: Job) -> None:
    """The quick reader of stored jobs reads what the parser of all messages reads."""
    assert Job.parse(job.encode()) == Job.model_validate_json(job.encode())


def test_what_the_quick_reader_refuses_is_read_all_the_same() -> None:
    """A number that orjson cannot hold, in a field that nobody reads, spoils no job."""
    odd = json.dumps(JOB | {"of a newer version": 10**40}).encode()
    assert Job.parse(odd) == Job.parse(JOB)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.999"])
def test_newer_minor_version_is_read(version: str) -> None:
    """A newer minor version is read, and its additional fields are ignored."""
    later: dict[str, Any] = JOB | {"version": version, "added_later": {"deep": [1]}}
    later["request"] = JOB["request"] | {"also_added": True}
    assert Job.parse(json.dumps(later)).id == "j"
    assert Hint.parse({"version": version, "lane": "bulk", "job_ids": ["j"], "new": 1}).lane


@pytest.mark.parametrize("version", ["2.0", "0.9", "11.0"])
def test_another_major_version_is_refused_by_name(version: str) -> None:
    """Another major version is refused, and the message says which it is and which is read."""
    with pytest.raises(UnsupportedVersion) as caught:
        Job.parse(JOB | {"version": version})
    assert version in str(caught.value)
    assert f"{CONTRACT_VERSION.partition('.')[0]}.x" in str(caught.value)


@pytest.mark.parametrize("version", ["", "1", "1.x", "one", "1.0.0", " 1.0", 1.0, None])
def test_malformed_version_is_refused(version: object) -> None:
    """A version of a wrong form is refused."""
    with pytest.raises(UnsupportedVersion):
        Job.parse(JOB | {"version": version})


@pytest.mark.parametrize(
    "data", ["", "{", '{"query": s3cret}', '{"query": "s3cret', b"\xff\xfe{", '{"a": NaN s3cret}']
)
def test_broken_json_is_one_clear_error(data: bytes | str) -> None:
    """Broken JSON is refused; the message has the place, but not the text."""
    with pytest.raises(
        InvalidRequest, match=r"^not valid JSON \(.*line \d+ column \d+\)$"
    ) as caught:
        RerankRequest.parse(data)
    assert caught.value.field == ""
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("data", ["[]", "5", "null", '"s3cret"'])
def test_json_that_is_no_object_is_refused(data: str) -> None:
    """JSON that is not an object is refused, and the message says so."""
    with pytest.raises(InvalidRequest, match=r"^must be an object$"):
        RerankRequest.parse(data)


def test_nan_in_json_is_refused() -> None:
    """NaN, which Python writes into JSON, is refused, and the message names the field."""
    with pytest.raises(InvalidRequest) as caught:
        Job.parse(json.dumps(JOB | {"deadline_seconds": float("nan")}))
    assert caught.value.field == "deadline_seconds"


@pytest.mark.parametrize(
    "document", ["a\ud800", {"text": "a\ud800"}, {"id": "\udfff", "text": "a"}]
)
def test_lone_surrogates_never_reach_the_ledger(document: object) -> None:
    """Text that UTF-8 cannot carry is refused as an invalid request, not as a codec's error."""
    request = {"query": "q", "documents": [document]}
    with pytest.raises(InvalidRequest):
        Job.parse({"id": "j", "request": request}).encode()
    with pytest.raises(InvalidRequest):
        Job.parse(json.dumps({"id": "j", "request": request}))


def test_messages_are_frozen() -> None:
    """A message cannot be changed once it is made."""
    job = Job.parse(JOB)
    with pytest.raises(ValidationError, match="frozen"):
        job.lane = Lane.INTERACTIVE  # type: ignore[misc]


def test_absent_fields_are_not_sent() -> None:
    """Absent fields are left out of the JSON, which keeps small jobs small."""
    assert b"null" not in Job.parse(JOB).encode()


def test_job_ids_are_fresh() -> None:
    """Each job without an id gets a new one."""
    request = RerankRequest(query="q", documents=("d",))
    assert Job(request=request).id != Job(request=request).id


def test_exactly_four_states_are_ends() -> None:
    """A job ends succeeded, failed, cancelled or expired, and in no other state."""
    assert {state.value for state in JobState if state.ended} == {
        "succeeded",
        "failed",
        "cancelled",
        "expired",
    }


def test_result_scores_are_finite() -> None:
    """A result cannot contain a score that JSON cannot express."""
    with pytest.raises(InvalidRequest):
        RerankResult.parse(
            {
                "job_id": "j",
                "model": "m",
                "attempts": 1,
                "timings": Timings(waited_seconds=0, upstream_seconds=0).model_dump(),
                "results": [{"index": 0, "relevance_score": float("inf")}],
            }
        )


def test_batch_counts_lines_that_are_no_job_as_ended() -> None:
    """Rejected lines and lines with existing jobs count as ended from the start."""
    progress = BatchProgress(
        id="b", sealed=True, total=6, rejected=1, existing=1, succeeded=1, failed=1, cancelled=1,
        expired=1,
    )  # fmt: skip
    assert progress.ended == progress.total


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_has_a_schema(message: type[RerankRequest]) -> None:
    """Producers in other languages get a JSON Schema of each message."""
    assert message.model_json_schema()["title"] == message.__name__
