"""Dead letters are submitted again in steps: a few first, to see how they fare, then more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rerankq.client.admissions import Admissions
from rerankq.errors import InvalidRequest, RerankqError
from rerankq.ledger.dead import PAGE, DeadLetters

FIRST_STEP: Final = 5
STEPS: Final[dict[str, Callable[[int], int]]] = {
    "first": lambda count: min(count, FIRST_STEP),
    "tenth": lambda count: min(count, max(FIRST_STEP, -(-count // 10))),
    "all": lambda count: count,
}
"""By its name, how many letters of so many a step replays."""
PORTION: Final = PAGE
PATIENCE_SECONDS: Final = 5.0
"""How long a full lane may take none: the next call goes on."""


@dataclass(slots=True)
class Replayed:
    """What a step did.

    Attributes:
        jobs: old ids and new ones.
        unreadable: ids of letters whose requests are gone, or cannot be read.
        left: how many of the step's letters were not reached.
        refusal: why; None when all were.
    """

    jobs: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    left: int = 0
    refusal: RerankqError | None = None


class Replaying:
    """Replays dead letters. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        dead: the letters.
        admissions: submits their jobs again.
    """

    def __init__(self, dead: DeadLetters, admissions: Admissions) -> None:
        self._dead = dead
        self._admissions = admissions

    async def purge(self, reason: str) -> int:
        """Delete all letters of a reason; returns how many there were."""
        purged = 0
        while job_ids := await self._dead.of_reason(reason):
            for start in range(0, len(job_ids), PORTION):
                await self._dead.forget(job_ids[start : start + PORTION])
            purged += len(job_ids)
        return purged

    async def replay(self, reason: str | None, step: str, *, most: int) -> Replayed:
        """Submit some of the letters of a reason, or of all, again: the newest first.

        Safe to repeat: a new id is derived from the old one, and a letter is deleted only after its
        job was recorded.

        Args:
            reason: why they failed; None for any.
            step: a name in `STEPS`.
            most: letters of one call; the rest is `left`, for the next one.

        Raises:
            InvalidRequest: there is no such step.
        """
        if step not in STEPS:
            raise InvalidRequest("step", f"must be one of {', '.join(STEPS)}")
        ids = await self._dead.of_reason(reason)
        return await self.replay_named(ids[: STEPS[step](len(ids))], most=most)

    async def replay_named(self, job_ids: Sequence[str], *, most: int) -> Replayed:
        """The same for letters by their ids."""
        now, done = job_ids[:most], Replayed()
        for start in range(0, len(now), PORTION):
            replays = await self._dead.replays(now[start : start + PORTION])
            ids, done.refusal = await self._admissions.offer(
                [job for _, job in replays.jobs], patience=PATIENCE_SECONDS
            )
            taken = set(ids)
            jobs = [(old, job.id) for old, job in replays.jobs if job.id in taken]
            # Only now: until its job is recorded, a letter holds the only copy of the request.
            await self._dead.forget([old for old, _ in jobs])
            done.jobs += jobs
            done.unreadable += replays.unreadable
            if done.refusal:
                break
        done.left = len(job_ids) - len(done.jobs) - len(done.unreadable)
        return done
