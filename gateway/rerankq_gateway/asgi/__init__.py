"""HTTP as ASGI has it: requests, their bodies, answers. Hot routes need no more than this."""

from rerankq_gateway.asgi.body import body
from rerankq_gateway.asgi.request import HotHandler, HotRequest

__all__ = ["HotHandler", "HotRequest", "body"]
