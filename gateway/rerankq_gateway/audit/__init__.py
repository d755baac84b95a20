"""What operators and tenants did."""

from rerankq_gateway.audit.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
