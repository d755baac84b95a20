"""A real worker and documents beyond the context: refused by name, truncated, or split."""

from collections.abc import Iterator
from typing import Any

import pytest

from rerankq import RerankClient
from rerankq.errors import JobFailed
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

CONTEXT = 400
NEEDLE = "The pen is in the drawer. "
LONG = "Nothing of interest stands here. " * 60 + NEEDLE + "Nothing either. " * 20
DOCUMENTS = ["a pen and ink", LONG]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RerankClient]:
    folder = tmp_path_factory.mktemp("long-documents")
    with (
        RedisServer(folder) as redis,
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(redis.url, upstream.url, folder, context_tokens=CONTEXT),
        RerankClient(redis.url) as client,
    ):
        yield client


def submitted(client: RerankClient, **fields: Any) -> Any:
    draft = {"query": "pen drawer", "documents": DOCUMENTS} | fields
    return client.submit(**draft).result(timeout=60)


def test_a_document_beyond_the_context_ends_the_job_by_its_index(client: RerankClient) -> None:
    """Nothing is sent, and the error names the document and what can be done."""
    with pytest.raises(JobFailed) as caught:
        submitted(client)
    assert caught.value.reason == "upstream_too_large"
    assert "document 1 (" in str(caught.value)
    assert "set long_documents of the job" in str(caught.value)
    assert "Nothing of interest" not in str(caught.value)


def test_it_is_truncated_or_split_as_the_job_wants(client: RerankClient) -> None:
    """The beginning misses what stands at the end; the best passage has it, and is named."""
    truncated = submitted(client, long_documents="truncate")
    (told,) = truncated.long_documents
    assert (told.index, told.action, told.passages) == (1, "truncate", 1)
    assert told.read_characters < LONG.index(NEEDLE)

    split = submitted(client, long_documents="split")
    by_index = {row.index: row for row in split.results}
    passage = by_index[1].passage
    assert NEEDLE in LONG[passage.start : passage.end]
    assert by_index[0].passage is None
    assert split.long_documents[0].read_characters == len(LONG)
    before = next(row for row in truncated.results if row.index == 1)
    assert by_index[1].relevance_score > before.relevance_score
