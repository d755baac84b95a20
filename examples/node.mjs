// Calls the gateway from Node 18 or newer, without a package: node node.mjs http://127.0.0.1:8080 [token]
const [gateway, token = "any"] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };

async function call(path, { body, ...more } = {}) {
  const answer = await fetch(gateway + path, {
    method: body ? "POST" : "GET",
    headers: { ...headers, ...more },
    body: body && JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}: ${said.message}`);
  return said;
}

const documents = ["Red wine goes with cheese.", "Washing hands helps to prevent a cold."];

// One call that waits for its ranking.
const ranking = await call("/v1/rerank", { body: { query: "how to prevent a cold", documents, top_n: 1 } });
console.log(documents[ranking.results[0].index]);

// A job that is asked for later. A repeat with the same key gives the same job.
const job = await call("/v1/jobs", {
  body: { query: "wine with cheese", documents },
  "Idempotency-Key": `node-example-${process.pid}`,
});
const done = await call(`/v1/jobs/${job.id}?wait=30`);
console.log(done.state, documents[done.result.results[0].index]);
