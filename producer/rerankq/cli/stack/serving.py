"""While everything is up: watches it, and says how to call it."""

import json
import shlex
import time
from typing import Final, NoReturn

from rerankq.cli.stack.parts import Stack

_WATCH_SECONDS: Final = 0.5

SAMPLE_QUERY: Final = "how to prevent a cold"
SAMPLE_DOCUMENTS: Final = (
    "Red wine goes with cheese.",
    "Washing hands helps to prevent a cold.",
)
"""The second answers the query, in its own words: the sandbox compares characters, not meanings."""


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
    body = json.dumps({"query": SAMPLE_QUERY, "documents": SAMPLE_DOCUMENTS})
    return f"curl {gateway}/v1/rerank{header} -d {shlex.quote(body)}"


def sample_submission() -> str:
    """A command that submits the same as a job."""
    documents = (f"-d {shlex.quote(each)}" for each in SAMPLE_DOCUMENTS)
    return f"rerankq submit --wait -q {shlex.quote(SAMPLE_QUERY)} {' '.join(documents)}"
