"""The id of a request: the caller's own, or a new one. It is in the answer, and on the job."""

import os
import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = b"x-request-id"
_OF_A_CALLER: Final = re.compile(rb"[\x21-\x7e]{1,128}")


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """The caller's id if it is 1 to 128 visible ASCII characters, else a new one."""
    given = headers.get(HEADER)
    if given is not None and _OF_A_CALLER.fullmatch(given):
        return given.decode("ascii")
    return f"req_{os.urandom(12).hex()}"
