"""For how many jobs results are read with the records."""

import pytest

from rerankq.ledger.read_size import LEAST, MOST, READ_BYTES, ReadSize


@pytest.mark.parametrize(
    ("sizes", "jobs"),
    [
        ([], LEAST),
        ([0, 0], LEAST),
        ([2_000], MOST),
        ([READ_BYTES // 20], 20),
        ([2_000, READ_BYTES], LEAST),
        ([READ_BYTES] + [2_000] * 10, LEAST),
        ([READ_BYTES] + [2_000] * 100, MOST),
    ],
)
def test_small_results_are_read_for_many_jobs_and_large_ones_for_few(
    sizes: list[int], jobs: int
) -> None:
    """So many that the largest seen lately fit into a mebibyte; a large one is forgotten slowly."""
    found = ReadSize()
    for size in sizes:
        found.learn(size)
    assert found.jobs == jobs
