"""Waiting for a condition with a deadline; tests wait in no other way."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


def eventually(condition: Callable[[], T | None], what: str, *, seconds: float = 30.0) -> T:
    """The first true value of `condition`; fails if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(POLL_SECONDS)


def lasting(seconds: float, still: Callable[[], object], what: str) -> None:
    """Let a fault last for `seconds`; fails if `still` becomes false before."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        assert still(), f"not for {seconds:g} s: {what}"
        time.sleep(min(left, POLL_SECONDS))
