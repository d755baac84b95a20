"""What a record keeps of the reason why its job waits."""

import pytest

from rerankq.ledger.failures import MOST_MESSAGE, Failure


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("m" * MOST_MESSAGE, "m" * MOST_MESSAGE),
        ("see " + "x" * 190 + " RERANKQ_SETTING", "see " + "x" * 190 + "…"),
        ("m" * 300, "m" * (MOST_MESSAGE - 1) + "…"),
    ],
    ids=["short enough", "words", "one word"],
)
def test_a_long_reason_is_cut_between_words(given: str, kept: str) -> None:
    """A message is kept up to its bound; a longer one ends with a whole word and a mark."""
    assert Failure("code", given).stored()["message"] == kept
    assert len(kept) <= MOST_MESSAGE
