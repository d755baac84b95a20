from collections.abc import Iterator

import pytest

from running.sandbox import BODY, RunningSandbox

QUERY, DOCUMENTS = BODY["query"], BODY["documents"]
DASHSCOPE = "/api/v1/services/rerank/text-rerank/text-rerank"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        yield running


def test_dialects_with_a_path_of_their_own_always_answer(sandbox: RunningSandbox) -> None:
    """Cohere, TEI, DashScope and vLLM's scores answer at their own paths, all with one ranking."""
    cohere = sandbox.ask("/v2/rerank", **BODY).json()["results"]
    tei = sandbox.ask("/rerank", query=QUERY, texts=DOCUMENTS).json()
    given = {"query": QUERY, "documents": DOCUMENTS}
    dashscope = sandbox.ask(DASHSCOPE, model="m", input=given).json()["output"]["results"]
    pairs = sandbox.ask("/score", model="m", text_1=QUERY, text_2=DOCUMENTS).json()["data"]
    scores = [result["relevance_score"] for result in sandbox.rerank().json()["results"]]
    assert [result["relevance_score"] for result in cohere] == scores
    assert [result["score"] for result in tei] == scores
    assert sorted((result["score"] for result in pairs), reverse=True) == scores
    assert [result["relevance_score"] for result in dashscope] == scores


@pytest.mark.parametrize(
    ("dialect", "place"),
    [("siliconflow", "results"), ("vllm", "results"), ("voyage", "data"), ("tei", "results")],
)
def test_the_setting_decides_at_the_shared_path(dialect: str, place: str) -> None:
    """`/v1/rerank` has the chosen dialect, if that dialect uses this path."""
    with RunningSandbox(dialect=dialect) as sandbox:
        assert [result["index"] for result in sandbox.rerank().json()[place]] == [1, 0]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/rerank", BODY, "error"),
        ("/v2/rerank", BODY, "message"),
        ("/rerank", {"query": QUERY, "texts": DOCUMENTS}, "error_type"),
        (DASHSCOPE, {"model": "m", "input": {"query": "q", "documents": ["d"]}}, "request_id"),
    ],
)
def test_faults_use_the_dialect(
    sandbox: RunningSandbox, path: str, body: dict[str, object], field: str
) -> None:
    """The usual refusal of a status comes in the shape of the dialect that was asked."""
    sandbox.fault(kind="status", status=500)
    answer = sandbox.ask(path, **body)
    assert (answer.status_code, field in answer.json()) == (500, True)


def test_tei_takes_two_megabytes(sandbox: RunningSandbox) -> None:
    """A larger body gets 413 at TEI's path, but not at the other paths."""
    large = ["d" * 2_100_000]
    assert sandbox.ask("/rerank", query="q", texts=large).status_code == 413
    assert sandbox.rerank(documents=large).status_code == 200
