"""What is sent of a job, and how scores of it become scores of the job's documents."""

from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import Document, RerankRequest
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.upstream.port import Score

SCORES = {"a": 0.5, "b": 0.9, "c": 0.5, "d": 0.0, "e": -0.0}
"""What the upstream makes of each text; some are equal."""


def request(*documents: str | Document, top_n: int | None = None) -> RerankRequest:
    return RerankRequest(query="q", documents=documents, top_n=top_n)


def ranked(asked: RerankRequest) -> list[Score]:
    """What an upstream answers: the best rows that are wanted, equal scores in the order sent."""
    rows = [Score(index, SCORES[text]) for index, text in enumerate(asked.texts())]
    return sorted(rows, key=lambda row: -row.relevance_score)[: asked.wanted]


def test_equal_documents_are_sent_once() -> None:
    """Each different text is sent once, in the order of the job, whatever id it has."""
    sent = SentRequest(request("a", Document(id="1", text="b"), "a", Document(id="2", text="b")))
    assert sent.request.texts() == ["a", "b"]


def test_nothing_changes_where_no_document_repeats() -> None:
    """Without duplicates the job's own request is sent, and the scores stay the same objects."""
    submitted, scores = request("a", "b"), [Score(1, 0.9), Score(0, 0.5)]
    sent = SentRequest(submitted)
    assert sent.request is submitted
    assert sent.scores(scores) is scores


@given(
    documents=st.lists(st.sampled_from(list(SCORES)), min_size=1, max_size=12),
    top_n=st.none() | st.integers(1, 15),
)
def test_duplicates_change_no_result(documents: list[str], top_n: int | None) -> None:
    """The rows that the user gets are those of a call with all documents, duplicates too."""
    submitted = request(*documents, top_n=top_n)
    sent = SentRequest(submitted)
    answered = ranked(sent.request)
    assert len(answered) == len(set(documents)) or len(answered) == top_n
    rows = sent.scores(answered)[: submitted.wanted]
    assert [(row.index, row.relevance_score) for row in rows] == [
        (row.index, row.relevance_score) for row in ranked(submitted)
    ]


def test_raw_scores_stay_with_their_documents() -> None:
    """Each copy has the site's own score too, which decides between equal probabilities."""
    sent = SentRequest(request("a", "b", "a"))
    rows = sent.scores([Score(0, 1.0, 40.0), Score(1, 1.0, 41.0)])
    assert rows == [Score(1, 1.0, 41.0), Score(0, 1.0, 40.0), Score(2, 1.0, 40.0)]
