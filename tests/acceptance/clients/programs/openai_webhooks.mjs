// OpenAI's npm client reads the calls of webhooks, and refuses those that are not signed so.
import OpenAI from "openai";

const client = new OpenAI({ apiKey: "unused" });

for (const { body, headers, secret } of JSON.parse(process.argv[2])) {
  try {
    const event = await client.webhooks.unwrap(body, headers, secret);
    console.log(JSON.stringify({ type: event.type, id: event.data.id, event: event.id }));
  } catch (error) {
    if (!(error instanceof OpenAI.InvalidWebhookSignatureError)) throw error;
    console.log(JSON.stringify({ refused: true }));
  }
}
