"""What calls have used."""

from rerankq_gateway.usage.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
