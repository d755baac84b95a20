"""Batches: made from a file as OpenAI's clients do it, watched, cancelled, and read."""

from rerankq_gateway.batches.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
