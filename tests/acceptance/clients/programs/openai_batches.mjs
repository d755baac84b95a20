// OpenAI's npm client: files and batches, from the upload to the results.
import OpenAI, { toFile } from "openai";

const [task] = JSON.parse(process.argv[2]);
const client = new OpenAI({ baseURL: `${task.url}/v1`, apiKey: task.key, maxRetries: 0 });
const ends = new Set(["completed", "failed", "expired", "cancelled"]);

async function uploaded(lines) {
  const { model, query, documents, top_n } = task;
  const body = { model, query, documents, top_n };
  const jobs = Array.from({ length: lines }, (_, n) =>
    JSON.stringify({ custom_id: `c${n}`, method: "POST", url: "/v1/rerank", body }),
  );
  const file = await toFile(Buffer.from(jobs.join("\n")), "jobs.jsonl");
  return client.files.create({ file, purpose: "batch" });
}

function opened(file) {
  return client.batches.create({
    input_file_id: file.id,
    endpoint: task.endpoint,
    completion_window: "24h",
    metadata: { corpus: "news" },
  });
}

async function ended(id) {
  const deadline = Date.now() + task.seconds * 1000;
  for (;;) {
    const found = await client.batches.retrieve(id);
    if (ends.has(found.status)) return found;
    if (Date.now() > deadline) throw new Error(`still ${found.status}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function all(pages) {
  const found = [];
  for await (const each of pages) found.push(each.id);
  return found;
}

if ((await client.models.list()).data.length === 0) throw new Error("no models");
const file = await uploaded(task.lines);
const batch = await ended((await opened(file)).id);
const content = await (await client.files.content(batch.output_file_id)).text();
const rows = content.trimEnd().split("\n").map((each) => JSON.parse(each));

const asked = await client.batches.cancel((await opened(await uploaded(task.many))).id);
if (!asked.status.startsWith("cancel")) throw new Error(asked.status);
const cancelled = await ended(asked.id);

// The client asks for the next page by itself.
const batches = await all(client.batches.list({ limit: 1 }));
const files = await all(client.files.list({ limit: 1, purpose: "batch" }));
if (!(await client.files.delete(file.id)).deleted) throw new Error("not deleted");
const code = await client.files.retrieve(file.id).then(
  () => null,
  (error) => (error instanceof OpenAI.NotFoundError ? error.code : String(error)),
);
console.log(
  JSON.stringify({
    status: batch.status,
    counts: batch.request_counts,
    tokens: batch.usage.total_tokens,
    metadata: batch.metadata,
    custom_ids: rows.map((each) => each.custom_id),
    ranked: rows[0].response.body.results.map((each) => [each.index, each.relevance_score]),
    cancelled: cancelled.status,
    newest_first: batches[0] === cancelled.id && batches[1] === batch.id,
    files: files.length,
    deleted: code,
  }),
);
