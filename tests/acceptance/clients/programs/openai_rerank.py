"""A rerank call by OpenAI's client, which has no method for it but sends any body."""

from typing import Any

import openai

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    client = openai.OpenAI(base_url=task["url"] + "/v1", api_key=task["key"], max_retries=0)
    call = {each: task[each] for each in ("model", "query", "documents", "top_n")}
    answer: Any = client.post("/rerank", body=call, cast_to=object)
    return [(each["index"], each["relevance_score"]) for each in answer["results"]]


each_task(ranked)
