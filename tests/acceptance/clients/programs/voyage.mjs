// Voyage's npm client.
import { VoyageAIClient } from "voyageai";
import { eachTask } from "./tasks.mjs";

await eachTask(async (task) => {
  const address = { apiKey: task.key, environment: `${task.url}/v1`, maxRetries: 0 };
  const { model, query, documents } = task;
  const call = { model, query, documents, topK: task.top_n };
  const answer = await new VoyageAIClient(address).rerank(call);
  if (!(answer.usage.totalTokens > 0)) throw new Error("the answer counts no tokens");
  return answer.data.map((each) => [each.index, each.relevanceScore]);
});
