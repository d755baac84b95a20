"""The bounds of the contract: each breach names its field, and never repeats the value."""

from typing import Any

import pytest

from rerankq.contract import (
    MAX_DEADLINE_SECONDS,
    MAX_DOCUMENT_CHARACTERS,
    MAX_DOCUMENTS,
    MAX_HINT_JOBS,
    MAX_JOB_BYTES,
    MAX_METADATA_ENTRIES,
    MAX_QUERY_CHARACTERS,
    BatchOptions,
    Hint,
    Job,
    Lane,
    RerankRequest,
)
from rerankq.errors import InvalidRequest

SECRET = "s3cret"  # noqa: S105 - what must not be shown
REQUEST: dict[str, Any] = {"query": "a query", "documents": ["one", "two"]}


def refusal_of_request(**changes: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        RerankRequest.parse(REQUEST | changes)
    return caught.value


def refusal_of_job(**changes: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        Job.parse({"request": REQUEST} | changes)
    return caught.value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"query": 1}, "query"),
        ({"query": None}, "query"),
        ({"query": [SECRET]}, "query"),
        ({"documents": SECRET}, "documents"),
        ({"documents": None}, "documents"),
        ({"documents": {"text": SECRET}}, "documents"),
        ({"documents": ["one", 2]}, "documents.1"),
        ({"documents": ["one", [SECRET]]}, "documents.1"),
        ({"documents": [{"text": 3}]}, "documents.0"),
        ({"documents": [{"id": SECRET}]}, "documents.0.text"),
        ({"top_n": SECRET}, "top_n"),
        ({"top_n": "1"}, "top_n"),
        ({"top_n": 1.0}, "top_n"),
        ({"top_n": True}, "top_n"),
        ({"return_documents": 1}, "return_documents"),
        ({"return_documents": SECRET}, "return_documents"),
        ({"min_score": -0.1}, "min_score"),
        ({"min_score": 1.1}, "min_score"),
        ({"min_score": SECRET}, "min_score"),
        ({"raw_scores": 1}, "raw_scores"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"instruction": [SECRET]}, "instruction"),
    ],
)
def test_wrong_type_names_its_field(changes: dict[str, Any], field: str) -> None:
    """A value of the wrong type is refused by the name of its field, without the value."""
    refused = refusal_of_request(**changes)
    assert refused.field == field
    assert str(refused).startswith(f"{field}: ")
    assert SECRET not in str(refused)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"documents": ["d"] * (MAX_DOCUMENTS + 1)}, "must have at most 10,000 entries"),
        ({"query": "q" * (MAX_QUERY_CHARACTERS + 1)}, "must have at most 32,768 characters"),
        ({"model": ""}, "must not be empty"),
        ({"top_n": 0}, "must be 1 or more"),
        ({"top_n": 1.5}, "must be a whole number"),
        ({"top_n": 10**20}, "must be 9,007,199,254,740,991 or less"),
    ],
)
def test_faults_of_a_request_are_said_in_our_words(changes: dict[str, Any], said: str) -> None:
    """The message is for the author of the request, and does not use Python's types."""
    assert refusal_of_request(**changes).reason == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lane": "fast"}, "must be 'interactive' or 'bulk'"),
        ({"deadline_seconds": 0}, "must be over 0"),
        ({"deadline_seconds": MAX_DEADLINE_SECONDS + 1}, "must be 2,592,000 or less"),
        ({"deadline_seconds": "soon"}, "must be a number"),
        ({"deadline_seconds": [1]}, "must be a number"),
        ({"deadline_seconds": "5"}, "must be a number"),
        ({"deadline_seconds": True}, "must be a number"),
        ({"not_before": True}, "must be a number"),
        ({"not_before": -1}, "must be 0 or more"),
        ({"batch_id": "a:b"}, "must be 1 to 100 letters, digits and _ . -"),
        ({"metadata": {str(n): "v" for n in range(17)}}, "must have at most 16 entries"),
        ({"metadata": {"k" * 65: "v"}}, "must have at most 64 characters"),
        ({"custom_id": "c" * 513}, "must have at most 512 characters"),
    ],
)
def test_faults_of_a_job_are_said_in_our_words(changes: dict[str, Any], said: str) -> None:
    """The same for the other fields of a job."""
    assert refusal_of_job(**changes).reason == said


@pytest.mark.parametrize("name", ["query", "documents"])
def test_required_fields_are_asked_for(name: str) -> None:
    """A request without a query or without documents is told which of them is required."""
    with pytest.raises(InvalidRequest, match=f"^{name}: is required$"):
        RerankRequest.parse({k: v for k, v in REQUEST.items() if k != name})


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"])
def test_blank_texts_are_refused(blank: str) -> None:
    """A query or document of only white space is refused; the message has the document's number."""
    assert str(refusal_of_request(query=blank)) == "query: must not be empty"
    assert str(refusal_of_request(documents=["x", blank])) == (
        "documents: document 1 must not be empty"
    )
    assert refusal_of_request(documents=["x", {"text": blank}]).field == "documents.1.text"


def test_no_documents_are_refused() -> None:
    """An empty list of documents is refused as empty."""
    assert str(refusal_of_request(documents=[])) == "documents: must not be empty"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"query": SECRET + "x" * MAX_QUERY_CHARACTERS}, "query"),
        ({"documents": [SECRET + "x" * MAX_DOCUMENT_CHARACTERS]}, "documents"),
        ({"documents": [{"text": SECRET + "x" * MAX_DOCUMENT_CHARACTERS}]}, "documents.0.text"),
        ({"documents": [{"id": SECRET * 100, "text": "x"}]}, "documents.0.id"),
        ({"documents": [SECRET] * (MAX_DOCUMENTS + 1)}, "documents"),
        ({"model": SECRET * 100}, "model"),
        ({"instruction": SECRET * 2_000}, "instruction"),
    ],
)
def test_too_much_names_its_field(changes: dict[str, Any], field: str) -> None:
    """A value over a bound is refused in one short sentence that names the field."""
    refused = refusal_of_request(**changes)
    assert refused.field == field
    assert SECRET not in str(refused)
    assert len(str(refused)) < 150


def test_each_bound_is_the_most_that_is_accepted() -> None:
    """Each bound is the most that is accepted, not the first that is refused."""
    RerankRequest.parse(
        {
            "query": "q" * MAX_QUERY_CHARACTERS,
            "documents": ["d" * MAX_DOCUMENT_CHARACTERS, *["d"] * (MAX_DOCUMENTS - 1)],
        }
    )


@pytest.mark.parametrize("top_n", [0, -1])
def test_top_n_is_at_least_one(top_n: int) -> None:
    """top_n counts results, so it is one or more."""
    assert refusal_of_request(top_n=top_n).field == "top_n"


@pytest.mark.parametrize(("top_n", "wanted"), [(None, 2), (1, 1), (2, 2), (99, 2)])
def test_wanted_is_bounded_by_the_documents(top_n: int | None, wanted: int) -> None:
    """A caller gets top_n results, but no more than there are documents."""
    assert RerankRequest.parse(REQUEST | {"top_n": top_n}).wanted == wanted


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"lane": SECRET}, "lane"),
        ({"custom_id": ""}, "custom_id"),
        ({"custom_id": SECRET * 100}, "custom_id"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(n): "v" for n in range(MAX_METADATA_ENTRIES + 1)}}, "metadata"),
        ({"metadata": {"a": SECRET * 100}}, "metadata.a"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
        ({"deadline_seconds": -1}, "deadline_seconds"),
        ({"deadline_seconds": MAX_DEADLINE_SECONDS + 1}, "deadline_seconds"),
        ({"deadline_seconds": float("nan")}, "deadline_seconds"),
        ({"deadline_seconds": float("inf")}, "deadline_seconds"),
        ({"not_before": "s3cret"}, "not_before"),
        ({"not_before": "2030-01-31T08:00"}, "not_before"),
        ({"not_before": float("nan")}, "not_before"),
        ({"not_before": [1]}, "not_before"),
        ({"not_before": -1}, "not_before"),
        ({"not_before": 1e307}, "not_before"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"trace_context": {"traceparent": 1}}, "trace_context.traceparent"),
        ({"request": 5}, "request"),
        ({"request": REQUEST | {"top_n": 0}}, "request.top_n"),
    ],
)
def test_job_fields_are_bounded(changes: dict[str, Any], field: str) -> None:
    """Each field of a job has its bound, and a breach names the field by its path."""
    refused = refusal_of_job(**changes)
    assert refused.field == field
    assert SECRET not in str(refused)


def test_job_size_is_bounded_in_bytes() -> None:
    """A job over the limit in bytes is refused with advice, even if no field is too long."""
    document = "\u4e00" * MAX_DOCUMENT_CHARACTERS
    most = MAX_JOB_BYTES // (3 * MAX_DOCUMENT_CHARACTERS)
    fitting = RerankRequest(query="q", documents=(document,) * most)
    assert len(Job(request=fitting).encode()) <= MAX_JOB_BYTES
    job = Job(request=RerankRequest(query="q", documents=(document,) * (most + 1)))
    with pytest.raises(InvalidRequest, match=r"^documents: the job is [\d,]+ bytes, .*split it$"):
        job.encode()


@pytest.mark.parametrize("count", [0, MAX_HINT_JOBS + 1])
def test_hint_names_between_one_and_fifty_jobs(count: int) -> None:
    """A hint that names no job, or more than a message may, is refused."""
    with pytest.raises(InvalidRequest) as caught:
        Hint.parse({"lane": "bulk", "job_ids": ["j"] * count})
    assert caught.value.field == "job_ids"


def test_lanes_fill_their_messages() -> None:
    """A bulk message names up to the most a hint may; an interactive one names a single job."""
    assert Lane.BULK.jobs_per_hint == MAX_HINT_JOBS
    assert Lane.INTERACTIVE.jobs_per_hint == 1
    assert len(Hint(lane=Lane.BULK, job_ids=("j",) * MAX_HINT_JOBS).job_ids) == MAX_HINT_JOBS


@pytest.mark.parametrize("batch_id", ["", "a:entries", "a b", "a/b", "x" * 101, "a\n"])
def test_batch_id_that_could_be_another_key_is_refused(batch_id: str) -> None:
    """A batch id has only letters, digits and ._-, at most 100, because keys contain it."""
    assert refusal_of_job(batch_id=batch_id).field == "batch_id"
    assert Job.parse({"request": REQUEST, "batch_id": "aZ09._-" + "x" * 93}).batch_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request": REQUEST | {"documents": ["d", "\udc80"]}}, "documents.1"),
        ({"request": REQUEST, "metadata": {"a": "\udc80"}}, "metadata.a"),
    ],
)
def test_text_that_is_no_unicode_names_its_field(changes: dict[str, Any], field: str) -> None:
    """A lone surrogate is refused, and the message names its field."""
    with pytest.raises(InvalidRequest) as refused:
        Job.parse(changes).encode()
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenant": "a:b"}, "tenant: "),
        ({"tenant": 65 * "a"}, "tenant: "),
        ({"keep_seconds": 0.0}, "keep_seconds: must be 1 or more"),
        ({"callbacks": [{}]}, "callbacks.0: must name either a webhook or a task"),
        ({"callbacks": [{"webhook": "w", "task": "t"}]}, "callbacks.0: must name either"),
        ({"callbacks": [{"webhook": "w", "queue": "q"}]}, "callbacks.0: has a queue"),
        ({"callbacks": [{"task": "a:b"}]}, "callbacks.0.task: "),
        ({"callbacks": 9 * [{"task": "t"}]}, "callbacks: must have at most 8 entries"),
    ],
)
def test_who_is_told_and_for_how_long_it_is_kept_is_bounded(
    changes: dict[str, Any], said: str
) -> None:
    """A job names its tenant, its callbacks and its retention within the contract's bounds."""
    assert str(refusal_of_job(**changes)).startswith(said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"details": {"note": 8193 * "x"}}, "details: must be at most 8,192 bytes of JSON"),
        ({"metadata": {"note": 513 * "x"}}, "metadata.note: must have at most 512 characters"),
        ({"metadata": {str(at): "" for at in range(17)}}, "metadata: must have at most 16 entries"),
        ({"deadline_seconds": 0.0}, "deadline_seconds: must be over 0"),
        ({"kept_seconds": 0.5}, "kept_seconds: must be 1 or more"),
        ({"expected": -1}, "expected: must be 0 or more"),
    ],
)
def test_options_of_a_batch_are_bounded(options: dict[str, Any], said: str) -> None:
    """What is noted of a batch is small, and its times are those that Redis can keep."""
    with pytest.raises(InvalidRequest) as caught:
        BatchOptions.parse(options)
    assert str(caught.value).startswith(said)
