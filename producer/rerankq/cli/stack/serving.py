"""While everything is up: watches it, and says how to call it."""

import time
from typing import Final, NoReturn

from rerankq.cli.stack.parts import Stack

_WATCH_SECONDS: Final = 0.5


def watch(stack: Stack) -> NoReturn:
    """Watch the parts until an exception, such as that of Ctrl-C.

    Raises:
        CommandError: a part has ended.
        OutputClosed, OutputFailed: stdout cannot be written any more.
    """
    while True:
        stack.check()
        time.sleep(_WATCH_SECONDS)


def sample_call(gateway: str, token: str = "") -> str:
    """A command that calls the gateway."""
    header = f" -H 'Authorization: Bearer {token}'" if token else ""
    body = '{"query": "how to prevent a cold", "documents": ["Wash your hands.", "Buy stocks."]}'
    return f"curl {gateway}/v1/rerank{header} -d '{body}'"
