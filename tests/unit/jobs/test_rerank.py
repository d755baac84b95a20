"""One attempt at a job, with a fake upstream."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import Document, Job, RerankRequest, RerankResult
from rerankq.cost import tokens
from rerankq.events import AttemptFailed, Events, JobRef
from rerankq_worker.jobs.rerank import AttemptOutcome, Failed, Succeeded, consequence, rerank
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.upstream.errors import Cause, Refused, Throttled, Transient, UpstreamError
from rerankq_worker.upstream.port import Answer, Score
from running.heard import heard

texts = st.text(min_size=1, max_size=10).filter(lambda text: not text.isspace())

DOCUMENTS = ("zero", Document(id="one", text="1"), "two")


@dataclass
class FakeUpstream:
    """Answers or fails as the test wants; keeps the calls."""

    answer: Answer | UpstreamError = field(
        default_factory=lambda: Answer(
            scores=[Score(2, 0.9), Score(1, 0.5), Score(0, 0.1)],
            prompt_tokens=5,
            total_tokens=7,
            request_id="id-1",
        )
    )
    calls: list[tuple[str, int, RerankRequest]] = field(default_factory=list)

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """The answer or error that the test set."""
        self.calls.append((job_id, attempt, request))
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer


def job(*, top_n: int | None = None, return_documents: bool = True) -> Job:
    request = RerankRequest(
        query="two words",
        documents=DOCUMENTS,
        top_n=top_n,
        return_documents=return_documents,
    )
    return Job(id="j", request=request, metadata={"tenant": "a"})


def attempt(
    given: Job | None = None,
    upstream: FakeUpstream | None = None,
    *,
    attempts: int = 0,
    policy: RetryPolicy | None = None,
    events: Events | None = None,
) -> AttemptOutcome:
    try:
        return asyncio.run(
            rerank(
                given or job(),
                attempts=attempts,
                waited_seconds=1.5,
                upstream=upstream or FakeUpstream(),
                events=events,
            )
        )
    except UpstreamError as error:
        return consequence("j", error, policy or RetryPolicy(), attempts, 1.5)


def result(outcome: AttemptOutcome) -> RerankResult:
    assert isinstance(outcome, Succeeded)
    return RerankResult.parse(outcome.result)


def test_documents_come_from_the_job() -> None:
    """Each row carries the document as submitted, with the caller's id, at its index."""
    rows = result(attempt()).results
    assert [(row.index, row.relevance_score, row.document) for row in rows] == [
        (2, 0.9, Document(text="two")),
        (1, 0.5, Document(id="one", text="1")),
        (0, 0.1, Document(text="zero")),
    ]


@pytest.mark.parametrize(("top_n", "rows"), [(1, [2]), (2, [2, 1]), (9, [2, 1, 0])])
def test_top_n_is_honoured(top_n: int, rows: list[int]) -> None:
    """The best top_n rows come back, even if the upstream sends more."""
    found = result(attempt(job(top_n=top_n)))
    assert [row.index for row in found.results] == rows


def test_low_scores_are_left_out_before_the_cut() -> None:
    """With min_score only documents that have it remain, at most top_n of them; maybe none."""

    def kept(least: float, top_n: int | None = None) -> list[int]:
        given = job(top_n=top_n)
        request = given.request.model_copy(update={"min_score": least})
        found = result(attempt(given.model_copy(update={"request": request})))
        return [row.index for row in found.results]

    assert kept(0.5) == [2, 1]
    assert kept(0.5, top_n=1) == [2]
    assert kept(0.05) == [2, 1, 0]
    assert kept(0.95) == []


def test_raw_scores_on_request() -> None:
    """Rows have the site's own scores only if the job asks for them; then their scale is told."""
    scores = [Score(2, 1.0, 50.0), Score(0, 1.0, 40.0), Score(1, 0.5, 0.0)]
    answer = Answer(scores, 5, 7, None, scale="logit")
    plain = attempt(job(), FakeUpstream(answer))
    assert isinstance(plain, Succeeded)
    assert b"raw" not in plain.result
    request = job().request.model_copy(update={"raw_scores": True})
    asked = job().model_copy(update={"request": request})
    found = result(attempt(asked, FakeUpstream(answer)))
    assert [(row.index, row.relevance_score, row.raw_score) for row in found.results] == scores
    assert found.raw_scale == "logit"
    undeclared = result(attempt(asked))
    assert [row.raw_score for row in undeclared.results] == [0.9, 0.5, 0.1]
    assert undeclared.raw_scale is None


def test_documents_stay_away_when_not_wanted() -> None:
    """With return_documents false no row has a document, and no null instead."""
    outcome = attempt(job(return_documents=False))
    assert all(row.document is None for row in result(outcome).results)
    assert isinstance(outcome, Succeeded)
    assert b"document" not in outcome.result


@given(
    job=st.builds(
        Job,
        id=st.just("j"),
        request=st.builds(
            RerankRequest,
            query=st.just("q"),
            documents=st.lists(
                texts | st.builds(Document, id=st.none() | texts, text=texts),
                min_size=3,
                unique_by=lambda each: each if isinstance(each, str) else each.text,
            ),
            top_n=st.none() | st.integers(1, 4),
            return_documents=st.booleans(),
            raw_scores=st.none() | st.booleans(),
        ),
        metadata=st.dictionaries(texts, texts, max_size=2),
    ),
    request_id=st.none() | texts,
    scale=st.sampled_from([None, "probability", "logit"]),
    scores=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
)
def test_a_result_is_spelled_as_the_contract_does(
    job: Job,
    request_id: str | None,
    scale: Literal["probability", "logit"] | None,
    scores: list[float],
) -> None:
    """The bytes of a result are equal to the contract's own encoding."""
    ranking = [Score(index, score) for index, score in enumerate(scores)]
    outcome = attempt(job, FakeUpstream(Answer(ranking, 5, 7, request_id, scale=scale)))
    assert isinstance(outcome, Succeeded)
    assert outcome.result == result(outcome).encode()


def test_result_describes_its_job() -> None:
    """A result has usage, the estimate, attempts, waiting time, ids and metadata."""
    found = result(attempt(attempts=2))
    request = job().request
    assert found.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 5,
        "total_tokens": 7,
        "estimated_tokens": tokens.load(request.query, request.texts()),
    }
    assert (found.job_id, found.attempts, found.request_id) == ("j", 3, "id-1")
    assert found.timings.waited_seconds == 1.5
    assert found.metadata == {"tenant": "a"}


def test_upstream_learns_job_and_attempt() -> None:
    """A call names the job, and counts the attempt from one."""
    upstream = FakeUpstream()
    attempt(upstream=upstream, attempts=2)
    assert upstream.calls == [("j", 3, job().request)]


def test_refused_job_fails_with_the_reason() -> None:
    """A refusal ends the job with its code as the reason; the upstream's words are kept."""
    refused = Refused("the upstream answered 400")
    refused.said = "private"
    outcome = attempt(upstream=FakeUpstream(refused))
    assert isinstance(outcome, Failed)
    assert (outcome.end.reason, outcome.end.message) == (
        "upstream_refused",
        "the upstream answered 400; operators see what it said by `rerankq dead show j`",
    )
    assert (outcome.attempts, outcome.said) == (1, "private")


def test_the_event_of_a_failed_attempt() -> None:
    """The event of a failed attempt has everything known, except the upstream's own words."""
    events = Events()
    told = heard(events)
    attempt(upstream=FakeUpstream(), events=events)
    assert told == []
    error = Transient("oh", status=502, request_id="r1", cause=Cause.PAGE)
    error.said = "private"
    attempt(upstream=FakeUpstream(error), attempts=2, events=events)
    assert told == [
        AttemptFailed(
            job=JobRef.of(job()),
            attempt=3,
            reason="upstream_unavailable",
            status=502,
            cause="page",
            request_id="r1",
            message="oh",
        )
    ]


def test_last_attempt_says_how_many_there_were() -> None:
    """A job that used up its attempts says so in its message."""
    hasty = RetryPolicy(min_retry_seconds=0)
    outcome = attempt(upstream=FakeUpstream(Transient("no answer")), attempts=4, policy=hasty)
    assert isinstance(outcome, Failed)
    assert outcome.end.message == "no answer after 5 attempts"
    assert outcome.attempts == 5


def test_transient_error_is_tried_again() -> None:
    """A transient error uses an attempt and delays the job, but does not end it."""
    outcome = attempt(upstream=FakeUpstream(Transient("no answer")))
    assert isinstance(outcome, RetryAfter)
    assert outcome.attempts == 1


def test_throttled_job_keeps_its_attempts() -> None:
    """A throttled job waits and has used no attempt."""
    outcome = attempt(upstream=FakeUpstream(Throttled("slow down", retry_after=3)), attempts=4)
    assert isinstance(outcome, RetryAfter)
    assert outcome.attempts == 4
    assert outcome.seconds >= 3


def test_age_counts_the_wait_before_the_call() -> None:
    """The age limit runs from the job's acceptance, not from the call."""
    outcome = attempt(
        upstream=FakeUpstream(Throttled("slow down")), policy=RetryPolicy(give_up_seconds=1.5)
    )
    assert isinstance(outcome, Failed)
    assert outcome.end.reason == "upstream_throttled"
