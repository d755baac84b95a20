"""Jobs: handed in one by one or many at once, asked about, waited for, cancelled."""

from rerankq_gateway.jobs.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
