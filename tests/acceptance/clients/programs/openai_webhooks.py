"""OpenAI's client reads the calls of webhooks, and refuses those that are not signed so."""

import json
import sys

import openai

client = openai.OpenAI(api_key="unused")
for task in json.loads(sys.argv[1]):
    client.webhook_secret = task["secret"]
    try:
        event = client.webhooks.unwrap(task["body"], task["headers"])
    except openai.InvalidWebhookSignatureError:
        print(json.dumps({"refused": True}))
    else:
        print(
            json.dumps(
                {
                    "class": type(event).__name__,
                    "type": event.type,
                    "id": event.data.id,
                    "event": event.id,
                    "object": event.object,
                    "created_at": event.created_at,
                }
            )
        )
