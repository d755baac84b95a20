"""`/live` and `/ready`, for orchestrators such as Kubernetes; they need no token."""

from rerankq_gateway.health.routes import OPEN_PATHS, described, duties, hot, routes

__all__ = ["OPEN_PATHS", "described", "duties", "hot", "routes"]
