"""Webhooks: made, listed and removed by their owners, and called when jobs and batches end.

routes        the routes
described     the routes as OpenAPI describes them
delivering    takes deliveries from the outbox and sends them
sender        one call
signing       its body and headers
addresses     where a webhook may lead
names         looks up the addresses of receivers
answer        reads the answer of a receiver
delivery_log  says in the log which calls failed
"""

from rerankq_gateway.webhooks.described import described
from rerankq_gateway.webhooks.routes import duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
