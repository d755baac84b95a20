"""Which dead letters a step takes, and what happens when a lane is full."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from rerankq.client.admissions import Admissions, Offered
from rerankq.client.replaying import STEPS, Replayed, Replaying
from rerankq.contract import Job, RerankRequest
from rerankq.errors import InvalidRequest, QueueFull
from rerankq.ledger.dead import DeadLetters, Replays


class Letters:
    """Dead letters in memory; `b` cannot be read."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = list(ids)

    async def of_reason(self, _: str | None) -> list[str]:
        """All of them."""
        return list(self.ids)

    async def replays(self, ids: Sequence[str]) -> Replays:
        """A new job for each."""
        request = RerankRequest(model="m", query="q", documents=("d",))
        jobs = [(each, Job(id=f"new-{each}", request=request)) for each in ids if each != "b"]
        return Replays(jobs, [each for each in ids if each == "b"])

    async def forget(self, ids: Sequence[str]) -> None:
        """Delete some."""
        self.ids = [each for each in self.ids if each not in ids]


class Lane:
    """Takes so many jobs, then is full."""

    def __init__(self, room: int) -> None:
        self._room = room

    async def offer(self, jobs: Sequence[Job], **_: Any) -> Offered:
        """Take what there is room for."""
        taken, self._room = jobs[: self._room], max(0, self._room - len(jobs))
        full = QueueFull("the lane is full") if len(taken) < len(jobs) else None
        return [each.id for each in taken], full


def replayed(letters: Letters, room: int, step: str, most: int) -> Replayed:
    replaying = Replaying(cast("DeadLetters", letters), cast("Admissions", Lane(room)))
    return asyncio.run(replaying.replay("r", step, most=most))


@pytest.mark.parametrize(
    ("letters", "sizes"),
    [(0, (0, 0, 0)), (3, (3, 3, 3)), (20, (5, 5, 20)), (101, (5, 11, 101))],
)
def test_the_sizes_of_steps(letters: int, sizes: tuple[int, int, int]) -> None:
    """First five, then a tenth, rounded up and never fewer than the first step, then all."""
    assert tuple(STEPS[each](letters) for each in ("first", "tenth", "all")) == sizes


def test_the_newest_are_replayed_and_deleted() -> None:
    """A letter goes when its job is recorded; one that cannot be read stays, and is named."""
    letters = Letters("abcdefg")
    done = replayed(letters, 100, "first", 500)
    assert [old for old, _ in done.jobs] == ["a", "c", "d", "e"]
    assert (done.unreadable, done.left, done.refusal) == (["b"], 0, None)
    assert letters.ids == ["b", "f", "g"]


def test_a_full_lane_keeps_the_letters() -> None:
    """What the lane did not take stays a dead letter, and is counted as left."""
    letters = Letters([str(number) for number in range(50)])
    done = replayed(letters, 25, "all", 500)
    assert (len(done.jobs), done.left, len(letters.ids)) == (25, 25, 25)
    assert isinstance(done.refusal, QueueFull)


def test_one_call_is_bounded() -> None:
    """A call replays so many at most; the next one goes on."""
    letters = Letters([str(number) for number in range(50)])
    done = replayed(letters, 100, "all", 30)
    assert (len(done.jobs), done.left, len(letters.ids)) == (30, 20, 20)


def test_an_unknown_step_is_refused() -> None:
    """Nothing is replayed by a name that is none."""
    with pytest.raises(InvalidRequest, match="step"):
        replayed(Letters("a"), 1, "most", 1)
