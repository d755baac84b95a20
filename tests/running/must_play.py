"""Tests that skip on a machine that lacks something, and fail where that must not be."""

import os
from typing import Final, NoReturn

import pytest

MUST_PLAY: Final = "RERANKQ_TEST_MUST_PLAY"
"""Variable that names tests, separated by commas, that must not be skipped on this machine."""


def skip_or_fail(name: str, lack: str) -> NoReturn:
    """Skip the test because of what the machine lacks; fail if the test must be played here.

    Args:
        name: as the variable names it.
        lack: what is missing, and how it is brought.
    """
    if name in os.environ.get(MUST_PLAY, "").split(","):
        pytest.fail(f"{MUST_PLAY} names {name}, and {lack}")
    pytest.skip(lack)
