"""Durations as people write them in settings."""

import pytest

from rerankq.durations import duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        *(("90s", 90.0), ("15m", 900.0), ("24h", 86_400.0), (" 7D ", 604_800.0)),
        *(("off", None), ("1.5", 1.5), (30, 30), (None, None)),
    ],
)
def test_a_duration_is_read(written: object, seconds: object) -> None:
    """With a unit, as a number of seconds, or `off`."""
    assert duration(written) == seconds


@pytest.mark.parametrize("written", ["a day", "24 h", "h", "1e3h", "-1h"])
def test_anything_else_is_refused(written: str) -> None:
    """The message says how to write it."""
    with pytest.raises(ValueError, match="as in 24h"):
        duration(written)
