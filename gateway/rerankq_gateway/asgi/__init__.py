"""HTTP as ASGI has it: requests, their bodies, answers. Hot routes need no more than this.

dispatch     the way of each request: id, caller, route, errors
request      one request
request_id   its id
body         its body, within a cap
job_headers  what the caller of a job says in headers
idempotency  what the answer says of an idempotency key
cold         the routes that FastAPI serves
"""

from rerankq_gateway.asgi.body import body
from rerankq_gateway.asgi.request import HotHandler, HotRequest

__all__ = ["HotHandler", "HotRequest", "body"]
