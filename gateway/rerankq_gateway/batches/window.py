"""`completion_window` of OpenAI's batches, such as `24h`."""

import re
from typing import Final

from rerankq.contract import MAX_DEADLINE_SECONDS
from rerankq_gateway.errors import GatewayError

DEFAULT: Final = "24h"
_WINDOW: Final = re.compile(r"(\d{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def window_seconds(window: object) -> float:
    """The seconds that a window has.

    Raises:
        GatewayError: 400, it is none, or longer than a batch may take.
    """
    found = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= MAX_DEADLINE_SECONDS:
        days = int(MAX_DEADLINE_SECONDS // _SECONDS["d"])
        raise GatewayError(
            *(400, "invalid_request"),
            f"completion_window: must be a time such as 24h, of {days} days (`{days}d`) at most",
            param="completion_window",
        )
    return float(seconds)
