"""Voyage's client, without an event loop and with one."""

import asyncio

import voyageai

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """Two calls, which get the same."""
    address = {"api_key": task["key"], "base_url": task["url"] + "/v1"}
    call = {each: task[each] for each in ("model", "query", "documents")}
    call["top_k"] = task["top_n"]
    answer = voyageai.Client(**address).rerank(**call)
    again = asyncio.run(voyageai.AsyncClient(**address).rerank(**call))
    assert again.results == answer.results
    assert answer.total_tokens > 0
    return [(each.index, each.relevance_score) for each in answer.results]


each_task(ranked)
