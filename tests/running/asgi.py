"""A request to the gateway's ASGI code without a server."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rerankq_gateway.asgi.request import HotRequest, Message


class Exchange:
    """One request and what was sent back.

    Args:
        parts: the parts of the body, as they come.
        headers: of the request.
    """

    def __init__(
        self,
        method: str = "POST",
        path: str = "/",
        *,
        parts: Sequence[bytes] = (b"",),
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._parts = list(parts)
        self.taken = 0
        self.sent: list[Message] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers],
        }
        self.request = HotRequest(self.scope, self.receive, self.send)

    async def receive(self) -> Message:
        """The next part of the body."""
        if self.taken == len(self._parts):
            return {"type": "http.disconnect"}
        self.taken += 1
        part = self._parts[self.taken - 1]
        more = self.taken < len(self._parts)
        return {"type": "http.request", "body": part, "more_body": more}

    async def send(self, message: Message) -> None:
        """Note what is sent."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The status of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {k.decode(): v.decode("latin-1") for k, v in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        return b"".join(each.get("body", b"") for each in self.sent[1:])

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)
