"""Files: uploaded for batches, listed, downloaded and deleted, as OpenAI's clients do it."""

from rerankq_gateway.files.routes import described, duties, hot, routes, store_of

__all__ = ["described", "duties", "hot", "routes", "store_of"]
