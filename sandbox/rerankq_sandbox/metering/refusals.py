"""The answer over a limit, and the headers that tell how much is left."""

import math
from email.utils import formatdate
from time import time as unix_time
from typing import Final

from aiohttp import web

from rerankq_sandbox.delivery import refused
from rerankq_sandbox.error_table import ERRORS
from rerankq_sandbox.metering.account import Account, OverLimit
from rerankq_sandbox.metering.limits import AccountLimits

_MINUTE: Final = 60.0


def over_limit(account: Account, over: OverLimit, now: float, request_id: str) -> web.Response:
    """The answer to a call over a limit."""
    limits = account.limits
    row = ERRORS[limits.answer]
    minutes = max(1, math.ceil(limits.window_seconds / _MINUTE))
    limit = limits.rpm if limits.rpm is not None else round(limits.calls_a_window or 0)
    answer = refused(row.refusal(minutes=minutes, limit=limit), row.shape, request_id)
    if limits.retry_after != "none":
        answer.headers["Retry-After"] = _retry_after(limits, over.wait)
    if limits.ratelimit_headers != "none":
        answer.headers.update(left_headers(account, now))
    return answer


def left_headers(account: Account, now: float) -> dict[str, str]:
    """`x-ratelimit-limit-*`, `-remaining-*` and `-reset-*` for each limit."""
    headers: dict[str, str] = {}
    for what, left in account.left(now).items():
        headers[f"x-ratelimit-limit-{what}"] = str(left.limit)
        headers[f"x-ratelimit-remaining-{what}"] = str(left.remaining)
        if left.reset is not None:
            headers[f"x-ratelimit-reset-{what}"] = _reset(account.limits, left.reset)
    return headers


def _retry_after(limits: AccountLimits, wait: float) -> str:
    # Both forms have whole seconds only. They are rounded up, or clients would come too early.
    if limits.retry_after == "seconds":
        return str(math.ceil(wait))
    return formatdate(math.ceil(unix_time() + wait), usegmt=True)


def _reset(limits: AccountLimits, seconds: float) -> str:
    if limits.reset_style == "seconds":
        return f"{seconds:.3f}"
    minutes, rest = divmod(seconds, _MINUTE)
    return f"{minutes:.0f}m{rest:.3f}s" if minutes else f"{rest:.3f}s"
