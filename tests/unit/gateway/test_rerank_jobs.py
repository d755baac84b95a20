"""The jobs that a rerank call becomes."""

from typing import Any

import pytest

from rerankq.contract import Job, Lane
from rerankq.errors import InvalidRequest
from rerankq_gateway.rerank.calls import jobs_of
from rerankq_gateway.rerank.dialects import dialect_of


def jobs(path: str, fields: dict[str, Any], *, key: str | None = None) -> list[Job]:
    return jobs_of(
        dialect_of(path, "", fields).read(fields),
        default_model="the-default",
        deadline=5.0,
        keep=60.0,
        key=key,
        trace={"request_id": "mine"},
    )


def test_a_call_is_one_job() -> None:
    """The job has the call's query, documents and options, and its results have no documents."""
    (job,) = jobs("/v1/rerank", {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1})
    assert job.request.model_dump() == {
        "model": "the-default",
        "query": "q",
        "documents": ("a", "b"),
        "top_n": 1,
        "return_documents": False,
        "instruction": None,
        "min_score": None,
        "raw_scores": None,
        "long_documents": None,
    }
    assert (job.lane, job.deadline_seconds, job.keep_seconds) == (Lane.INTERACTIVE, 5.0, 60.0)
    assert job.trace_context == {"request_id": "mine"}
    (bulk,) = jobs("/v2/rerank", {"query": "q", "documents": ["a"], "priority": 1})
    assert bulk.lane is Lane.BULK


def test_a_job_asks_for_what_the_answer_needs() -> None:
    """A lowest score goes into the job, and a call for logits asks for the site's own scores."""
    asked = {"query": "q", "min_score": 1}
    for path, more in (("/v1/rerank", {"documents": ["a"]}), ("/rerank", {"texts": ["a"]})):
        (job,) = jobs(path, asked | more)
        assert (job.request.min_score, job.request.raw_scores) == (1.0, None)
        (job,) = jobs(path, asked | more | {"raw_scores": True})
        assert job.request.raw_scores is True


def test_a_call_may_refuse_known_scores() -> None:
    """`reuse: false` goes into the job; other calls leave it out."""
    for path, asked in (
        ("/v1/rerank", {"query": "q", "documents": ["a"]}),
        ("/rerank", {"query": "q", "texts": ["a"]}),
        ("/score", {"text_1": "q", "text_2": ["a"]}),
    ):
        for given, wanted in ((None, None), (True, None), (False, False)):
            (job,) = jobs(path, asked | {"reuse": given})
            assert job.reuse is wanted


def test_pairs_are_jobs_with_keys_of_their_own() -> None:
    """Each pair is a job; under an idempotency key, each has a key of its own."""
    pairs = {"text_1": ["a", "b"], "text_2": ["c", "d"]}
    assert [job.idempotency_key for job in jobs("/score", pairs, key="k")] == ["k 0", "k 1"]
    assert [job.idempotency_key for job in jobs("/score", pairs)] == [None, None]
    single = {"text_1": "a", "text_2": ["c", "d"]}
    assert [job.idempotency_key for job in jobs("/score", single, key="k")] == ["k"]


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        ("/v1/rerank", {"query": " ", "documents": ["a"]}, "query"),
        ("/v1/rerank", {"query": "q", "documents": ["a", ""]}, "documents"),
        ("/rerank", {"query": "q", "texts": ["a", ""]}, "texts"),
        ("/score", {"text_1": "", "text_2": ["a"]}, "text_1"),
        ("/score", {"data_1": "q", "data_2": ["a", " "]}, "data_2"),
        ("/v1/rerank", {"query": "q", "documents": ["a"], "model": "m" * 300}, "model"),
    ],
)
def test_fields_are_named_as_the_caller_spells_them(
    path: str, fields: dict[str, Any], field: str
) -> None:
    """What breaks the contract is named by the caller's own name for it."""
    with pytest.raises(InvalidRequest) as caught:
        jobs(path, fields)
    assert caught.value.field == field
