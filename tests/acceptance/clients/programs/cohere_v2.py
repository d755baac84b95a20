"""Cohere's second API, without an event loop and with one."""

import asyncio
from typing import Any

import cohere

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """Two calls, which get the same."""
    address = {"api_key": task["key"], "base_url": task["url"]}
    call = {each: task[each] for each in ("model", "query", "documents", "top_n")}
    call["request_options"] = {"max_retries": 0}
    answer = cohere.ClientV2(**address).rerank(**call)

    async def again() -> Any:
        async with cohere.AsyncClientV2(**address) as client:
            return await client.rerank(**call)

    assert asyncio.run(again()).results == answer.results
    assert answer.meta.billed_units.search_units == 1
    return [(each.index, each.relevance_score) for each in answer.results]


each_task(ranked)
