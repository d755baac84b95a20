"""Jobs: handed in one by one or many at once, asked about, waited for, cancelled.

routes        the routes
described     the routes as OpenAPI describes them
submitting    `POST /v1/jobs`
bulk          `POST /v1/jobs:batch`
bulk_options  what the caller says beside the body of the latter
prefer        whether the caller waits for the job's end
listing       `GET /v1/jobs`, and the timeline of a job
shown         a job as JSON
"""

from rerankq_gateway.jobs.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
