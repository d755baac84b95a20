"""What schemathesis cannot do by itself: send JSONL."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")  # type: ignore[untyped-decorator]
def lines(_ctx: Any, value: Any) -> bytes:
    """The text as it is."""
    return value.encode("utf-8", "replace") if isinstance(value, str) else str(value).encode()
