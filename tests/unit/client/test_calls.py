"""What the calls of both clients say."""

import pytest

from rerankq.client.calls import not_yet


@pytest.mark.parametrize(
    ("job_ids", "told"),
    [(["a"], "job a has not ended after 2 seconds: it goes on"), (["a", "b"], "they go on")],
)
def test_a_timeout_says_that_the_jobs_continue(job_ids: list[str], told: str) -> None:
    """One job goes on, several go on."""
    assert told in str(not_yet(job_ids, 2.0))
