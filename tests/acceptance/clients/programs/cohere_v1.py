"""Cohere's first API: the client ranks, and gets the documents back."""

import cohere

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    client = cohere.Client(api_key=task["key"], base_url=task["url"])
    answer = client.rerank(
        model=task["model"],
        query=task["query"],
        documents=task["documents"],
        top_n=task["top_n"],
        return_documents=True,
        request_options={"max_retries": 0},
    )
    for each in answer.results:
        assert each.document.text == task["documents"][each.index]
    assert answer.meta.api_version.version
    return [(each.index, each.relevance_score) for each in answer.results]


each_task(ranked)
