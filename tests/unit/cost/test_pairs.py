"""Counting different pairs."""

from hypothesis import given
from hypothesis import strategies as st

from rerankq.cost.pairs import PairTally

asked = st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from("wxyz"), max_size=6))


@given(st.lists(asked, max_size=30), st.integers(1, 50))
def test_different_pairs_are_counted(jobs: list[tuple[str, list[str]]], most_held: int) -> None:
    """The counts are those of a set of all pairs, also when the hashes pass through the file."""
    with PairTally(most_held) as tally:
        for query, documents in jobs:
            tally.add(query, documents)
        pairs = [(query, each) for query, documents in jobs for each in documents]
        assert tally.pairs == len(pairs)
        assert tally.different() == len(set(pairs))


def test_many_pairs_pass_through_the_file() -> None:
    """A pair in the file and one in memory are the same pair."""
    with PairTally(most_held=1000) as tally:
        for _ in range(2):
            for number in range(500):
                tally.add("query", [f"{number} {each}" for each in range(7)])
        assert tally.pairs == 7000
        assert tally.different() == 3500
