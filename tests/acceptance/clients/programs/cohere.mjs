// Cohere's npm client, both of its APIs.
import { CohereClient, CohereClientV2 } from "cohere-ai";
import { eachTask } from "./tasks.mjs";

await eachTask(async (task) => {
  const address = { token: task.key, environment: task.url, maxRetries: 0 };
  const { model, query, documents } = task;
  const call = { model, query, documents, topN: task.top_n };
  const second = await new CohereClientV2(address).rerank(call);
  const first = await new CohereClient(address).rerank({ ...call, returnDocuments: true });
  const ranked = (answer) => answer.results.map((each) => [each.index, each.relevanceScore]);
  if (first.results.some((each) => each.document.text !== documents[each.index])) {
    throw new Error("the first API returns other documents");
  }
  if (JSON.stringify(ranked(first)) !== JSON.stringify(ranked(second))) {
    throw new Error("the two APIs answer differently");
  }
  return ranked(second);
});
