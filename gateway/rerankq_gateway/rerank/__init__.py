"""Drop-in rerank routes: a call in any client's form becomes a job that is waited for."""

from rerankq_gateway.rerank.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
