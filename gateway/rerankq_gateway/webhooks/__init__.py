"""Webhooks: made, listed and removed by their owners, and called when jobs and batches end."""

from rerankq_gateway.webhooks.described import described
from rerankq_gateway.webhooks.routes import duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
