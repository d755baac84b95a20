"""How a score is stored."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rerankq.score_cache.stored_score import KEY_BYTES, UNKNOWN, entries, score_of

keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
epochs = st.binary(min_size=8, max_size=8)
scores = st.floats(allow_nan=False, allow_infinity=False)


def stored(key: bytes, epoch: bytes, score: float) -> bytes:
    (entry,) = entries({key: score}, epoch)
    return entry.removeprefix(key)


@given(keys, epochs, scores)
def test_a_score_is_read_as_it_was(key: bytes, epoch: bytes, score: float) -> None:
    """To the last bit, also zero with its sign."""
    found = score_of(key, stored(key, epoch, score), epoch)
    assert found == score
    assert math.copysign(1, found) == math.copysign(1, score)


@given(keys, keys, epochs, epochs, scores)
def test_a_score_is_that_of_its_pair_and_epoch(
    key: bytes, other_key: bytes, epoch: bytes, other_epoch: bytes, score: float
) -> None:
    """Under another key, or in another epoch, it is unknown."""
    told = stored(key, epoch, score)
    assert key == other_key or score_of(other_key, told, epoch) is None
    assert epoch == other_epoch or score_of(key, told, other_epoch) is None


@given(keys, epochs, scores, st.integers(0, 95))
def test_a_damaged_score_is_unknown(key: bytes, epoch: bytes, score: float, bit: int) -> None:
    """Whichever bit is wrong; and so is one of another length, or one that is no number."""
    told = int.from_bytes(stored(key, epoch, score)) ^ (1 << bit)
    assert score_of(key, told.to_bytes(12), epoch) is None
    for damaged in (UNKNOWN, b"", told.to_bytes(13), stored(key, epoch, math.nan)):
        assert score_of(key, damaged, epoch) is None
