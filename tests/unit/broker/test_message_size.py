"""How many jobs a message names: a small batch is spread, unless there is a backlog."""

import pytest

from rerankq.broker.announce import MESSAGE_BYTES, SPREAD, jobs_per_message, portions
from rerankq.contract import MAX_HINT_JOBS, Lane


@pytest.mark.parametrize("jobs", [1, 2, SPREAD, SPREAD + 1, 100, 5000])
def test_jobs_of_an_empty_queue_are_spread(jobs: int) -> None:
    """If no message waits, as many workers as possible get one, with about the same jobs each."""
    size = jobs_per_message(Lane.BULK, jobs, 0)
    messages = -(-jobs // size)
    assert messages >= min(jobs, SPREAD) / 2
    assert messages <= SPREAD or size == MAX_HINT_JOBS


@pytest.mark.parametrize("jobs", [1, 100, 5000])
def test_jobs_behind_a_backlog_fill_messages(jobs: int) -> None:
    """If enough messages wait, messages are filled, which costs the least for each job."""
    assert jobs_per_message(Lane.BULK, jobs, SPREAD) == MAX_HINT_JOBS


@pytest.mark.parametrize("waiting", [0, SPREAD])
def test_interactive_jobs_go_singly(waiting: int) -> None:
    """An interactive job waits for no other, whatever the queue."""
    assert jobs_per_message(Lane.INTERACTIVE, 100, waiting) == 1


@pytest.mark.parametrize(
    ("most", "sizes", "named"),
    [
        pytest.param(2, [], ["ab", "cd", "e"], id="by number"),
        pytest.param(9, [1, 1, 1, 1, 1], ["abcde"], id="small"),
        pytest.param(9, [1, MESSAGE_BYTES, 1, 1, 1], ["a", "b", "cde"], id="one is large"),
        pytest.param(9, [MESSAGE_BYTES // 2] * 5, ["ab", "cd", "e"], id="all are large"),
    ],
)
def test_a_message_names_what_one_answer_can_carry(
    most: int, sizes: list[int], named: list[str]
) -> None:
    """A worker reads all payloads of a message at once, so few large jobs share a message."""
    assert ["".join(each) for each in portions([*"abcde"], most, sizes)] == named
