"""Drop-in rerank routes: a call in any client's form becomes a job that is waited for.

routes     the routes
described  the routes as OpenAPI describes them
handler    one call: read, admitted, waited for, answered
dialects/  the forms of calls and answers
admission  refuses at once what would wait too long
patience   how long a caller waits
calls      from the caller's fields to jobs, and from their ends to rankings
tally      how many calls got no ranking, for the log
"""

from rerankq_gateway.rerank.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
