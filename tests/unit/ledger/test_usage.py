"""How usage is sent to the ledger, and how its rows are read."""

from rerankq.ledger.usage import CallUsage, StoredUsage, Usage, entries, rows_from


def test_zeros_at_the_end_are_not_sent() -> None:
    """A list that is shorter counts nothing in the fields that it lacks."""
    for usage, sent in (
        (Usage(1, 1, 0, 0, 3, 7), [1, 1, 0, 0, 3, 7]),
        (Usage(1, 1, 0, 0, 3, 0, 0, 9), [1, 1, 0, 0, 3, 0, 0, 9]),
        (Usage(0, 1, 1), [0, 1, 1, 0, 0, 0]),
        (Usage(counted_tokens=4), [0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]),
        (Usage(reused_tokens=4), [0] * 10 + [4]),
    ):
        ((name, values),) = entries([CallUsage("site", "key", "a model", usage)])
        assert (name, [*values]) == ("site key a model", sent)


def test_tokens_are_the_sum_of_three_figures() -> None:
    """The tokens of a call are reported, counted or estimated; uncertain ones are apart."""
    assert Usage(0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32).tokens == 7


def test_rows_are_read_as_they_were_written() -> None:
    """The model is all that follows the key; a row that lacks numbers has zeros for them."""
    assert rows_from([("t site key a model", "1 2"), ("   ", "5")]) == [
        StoredUsage("t", "site", "key", "a model", Usage(1, 2)),
        StoredUsage("", "", "", "", Usage(5)),
    ]


def test_damaged_rows_are_left_out() -> None:
    """A name without its parts, or a value that is no numbers; negative numbers count as none."""
    assert rows_from([("x", "1"), ("a b c d", "x"), ("a b c d", "1.5")]) == []
    (row,) = rows_from([("a b c d", "1 -1")])
    assert row.usage == Usage(1)


def test_numbers_of_a_newer_version_are_skipped() -> None:
    """A row may have more numbers than are known."""
    (row,) = rows_from([("a b c d", " ".join(["1"] * 20))])
    assert row.usage == Usage(*[1] * 11)
