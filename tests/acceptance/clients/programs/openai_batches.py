"""OpenAI's client: files and batches, from the upload to the results."""

import json
import sys
import time

import openai

(task,) = json.loads(sys.argv[1])
client = openai.OpenAI(base_url=task["url"] + "/v1", api_key=task["key"], max_retries=0)
ENDS = {"completed", "failed", "expired", "cancelled"}


def uploaded(lines: int) -> openai.types.FileObject:
    """A file of so many jobs."""
    body = {each: task[each] for each in ("model", "query", "documents", "top_n")}
    content = "".join(
        json.dumps({"custom_id": f"c{n}", "method": "POST", "url": "/v1/rerank", "body": body})
        + "\n"
        for n in range(lines)
    )
    return client.files.create(file=("jobs.jsonl", content.encode()), purpose="batch")


def opened(file_id: str) -> openai.types.Batch:
    """A batch of that file."""
    return client.batches.create(
        input_file_id=file_id,
        endpoint=task["endpoint"],
        completion_window="24h",
        metadata={"corpus": "news"},
    )


def ended(batch_id: str) -> openai.types.Batch:
    """The batch once it has ended."""
    deadline = time.monotonic() + task["seconds"]
    while (found := client.batches.retrieve(batch_id)).status not in ENDS:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


assert client.models.list().data
file = uploaded(task["lines"])
assert client.files.retrieve(file.id) == file
batch = ended(opened(file.id).id)
rows = [json.loads(each) for each in client.files.content(batch.output_file_id).text.splitlines()]

cancelled = client.batches.cancel(opened(uploaded(task["many"]).id).id)
assert cancelled.status in {"cancelling", "cancelled"}, cancelled
cancelled = ended(cancelled.id)

# The client asks for the next page by itself.
batches = [each.id for each in client.batches.list(limit=1)]
files = [each.id for each in client.files.list(limit=1, purpose="batch")]
assert client.files.delete(file.id).deleted
try:
    client.files.retrieve(file.id)
except openai.NotFoundError as gone:
    code = gone.code
else:
    code = None
print(
    json.dumps(
        {
            "status": batch.status,
            "counts": batch.request_counts.model_dump(),
            "tokens": batch.usage.total_tokens,
            "metadata": batch.metadata,
            "custom_ids": [each["custom_id"] for each in rows],
            "ranked": [
                [each["index"], each["relevance_score"]]
                for each in rows[0]["response"]["body"]["results"]
            ],
            "cancelled": cancelled.status,
            "newest_first": batches[:2] == [cancelled.id, batch.id],
            "files": len(files),
            "deleted": code,
        }
    )
)
