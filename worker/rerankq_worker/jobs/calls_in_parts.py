"""Asks for the scores of a large request by several calls, side by side, and merges them.

Each part has a call and a permit of its own. One of them stands in line for a permit, as the call
of any other job does; the others take what is left when no other job waits.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.part_calls import HeldJob, PartCalls, Progress
from rerankq_worker.jobs.parts import DocumentTooLargeError, Part, divided
from rerankq_worker.jobs.rerank import LARGE_CHARACTERS
from rerankq_worker.limits.destinations import Destination
from rerankq_worker.upstream.errors import (
    CallTooLarge,
    Deferred,
    KeyInDoubt,
    Malformed,
    Refused,
    TooLarge,
    Transient,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)
from rerankq_worker.upstream.port import Answer, Score, best_first

MOST_FAILURES: Final = 2
"""After this many failed calls, no more are begun in this attempt."""

_OF_ONE_CALL: Final = (Transient, Malformed)
_OF_ALL_CALLS: Final = (Unreachable, WrongEndpoint, Deferred, KeyInDoubt)


class HandedBackError(Exception):
    """The worker shuts down: the job goes back, and another worker asks for the rest."""


@dataclass(slots=True, eq=False)
class _Call:
    part: Part
    spare: bool
    task: "asyncio.Task[Answer]"
    progress: Progress


class CallsInParts:
    """The upstream as one attempt at a large job sees it; see `upstream.Upstream`. Used once.

    Args:
        held: the job.
        calls: makes the calls.
        destinations: where they could go, the best first.
        most_calls: how many calls may be in flight or wait for permits, all together.
        was_refused: whether the whole request has just been refused as too large for one call.
    """

    def __init__(
        self,
        held: HeldJob,
        calls: PartCalls,
        destinations: Sequence[Destination],
        *,
        most_calls: int,
        was_refused: bool = False,
    ) -> None:
        self._held = held
        self._calls = calls
        self._destinations = destinations
        self._most_calls = most_calls
        self._was_refused = was_refused
        self._waiting: deque[Part] = deque()
        self._open: set[_Call] = set()
        self._failures: list[UpstreamError] = []
        self._scores: dict[int, Score] = {}
        self._answers: list[Answer] = []
        self._changed = asyncio.Event()
        self._ended = self._pauses = False

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """The scores of all documents of a request.

        Raises:
            UpstreamError: some are missing. What calls have brought is kept for the next attempt.
            HandedBackError: this worker shuts down.
            LeaseLostError: another worker has the job.
        """
        del job_id, attempt  # those of the job that is held
        where = await self._prepare(request)
        try:
            while self._begin(request, where):
                await self._changed.wait()
                self._changed.clear()
                self._harvest(request)
        finally:
            await self._cut_off()
        if self._failures:
            raise self._failures[0]
        if self._waiting:
            raise HandedBackError
        return _merged(self._scores, self._answers)

    def end(self) -> None:
        """Begin no more calls; those in flight finish, and what they bring is kept."""
        self._ended = True
        for call in self._open:
            if not call.progress.is_made:
                call.task.cancel()
        self._changed.set()

    async def _prepare(self, request: RerankRequest) -> Destination:
        """Choose where the calls go, and divide what is not known from there."""
        checkpoint = self._held.checkpoint
        await checkpoint.load()
        known = [checkpoint.known(each.source, request) for each in self._destinations]
        best = max(range(len(known)), key=lambda at: len(known[at]))
        where, self._scores = self._destinations[best], known[best]
        if self._scores:
            self._answers = checkpoint.answers(where.source)
        missing = [at for at in range(len(request.documents)) if at not in self._scores]
        try:
            parts = await _divided(request, where, missing)
        except DocumentTooLargeError as error:
            raise self._too_large(request, error.index, f"is over {error.limit}") from None
        if self._was_refused and not self._scores:
            parts = [half for part in parts for half in part.halves()]
        self._waiting.extend(parts)
        return where

    def _begin(self, request: RerankRequest, where: Destination) -> bool:
        """Begin the calls that may begin now; returns whether any is open."""
        while self._waiting and self._may_begin(spare=(spare := self._is_in_line)):
            part = self._waiting.popleft()
            progress = Progress(self._changed.set)
            # The first call stands for the job's attempt; the others were not tried before.
            retry = self._held.lease.attempts > 0 and not self._open and not self._answers
            answer = self._calls.answer(
                self._held, part.of(request), where, progress, retry=retry, spare=spare
            )
            task = asyncio.create_task(answer)
            task.add_done_callback(self._heard)
            self._open.add(_Call(part, spare, task, progress))
        return bool(self._open)

    def _heard(self, answer: "asyncio.Task[Answer]") -> None:
        # After a refusal nobody looks at the others: asyncio would log each with a traceback.
        if not answer.cancelled():
            answer.exception()
        self._changed.set()

    @property
    def _is_in_line(self) -> bool:
        """Whether a call stands in line for a permit, and not as a spare one."""
        return any(not call.spare and not call.progress.has_permit for call in self._open)

    def _may_begin(self, *, spare: bool) -> bool:
        if self._ended or self._pauses or self._stops:
            return False
        # There is always a place for the call that stands in line, once one has ended.
        return len(self._open) < self._most_calls - (spare and self._most_calls > 1)

    @property
    def _stops(self) -> bool:
        """Whether the failures so far say that more calls would fail too."""
        return len(self._failures) >= MOST_FAILURES or not all(map(_is_of_one, self._failures))

    def _harvest(self, request: RerankRequest) -> None:
        done = [call for call in self._open if call.task.done()]
        self._open.difference_update(done)
        for call in done:
            self._pauses = False
            if call.task.cancelled():
                self._waiting.appendleft(call.part)
                continue
            try:
                answer = call.task.result()
            except UpstreamError as error:
                self._failed(request, call, error)
            else:
                self._answers.append(answer)
                for score in answer.scores:
                    index = call.part.indexes[score.index]
                    self._scores[index] = score._replace(index=index)

    def _failed(self, request: RerankRequest, call: _Call, error: UpstreamError) -> None:
        match error:
            case CallTooLarge() if len(call.part.indexes) > 1:
                self._divide_further(call.part)
            case TooLarge() if len(call.part.indexes) == 1:
                raise self._too_large(request, call.part.indexes[0], str(error), error) from error
            case Refused():
                raise error
            case Deferred() if not call.progress.is_made and self._open and not self._failures:
                # The account is busy with this job's own calls: when one ends, there is a turn.
                self._waiting.appendleft(call.part)
                self._pauses = True
            case _:
                self._failures.append(error)

    def _divide_further(self, refused: Part) -> None:
        """Halve a part that is too large for a call, and those that wait and are no smaller."""
        size = len(refused.indexes)
        parts = [refused, *self._waiting]
        self._waiting = deque(
            piece
            for part in parts
            for piece in (part.halves() if len(part.indexes) >= size else (part,))
        )

    def _too_large(
        self, request: RerankRequest, index: int, what: str, error: UpstreamError | None = None
    ) -> TooLarge:
        """The error of a document that no call can have, named as the job has it."""
        text, texts = request.texts()[index], self._held.job.request.texts()
        name = f"document {texts.index(text)}" if text in texts else "a document"
        refusal = TooLarge(
            f"{name} alone {what}; shorten or split it" if error is None else f"{name}: {what}",
            status=error.status if error else None,
            request_id=error.request_id if error else None,
        )
        refusal.said = error.said if error else ""
        return refusal

    async def _cut_off(self) -> None:
        tasks: set[asyncio.Task[Any]] = {call.task for call in self._open}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _is_of_one(error: UpstreamError) -> bool:
    """Whether a failure says nothing of other calls."""
    return isinstance(error, _OF_ONE_CALL) and not isinstance(error, _OF_ALL_CALLS)


async def _divided(
    request: RerankRequest, where: Destination, missing: Sequence[int]
) -> list[Part]:
    if sum(map(len, request.texts())) < LARGE_CHARACTERS:
        return divided(request, where.limits, missing)
    return await asyncio.to_thread(divided, request, where.limits, missing)


def _merged(scores: dict[int, Score], answers: Sequence[Answer]) -> Answer:
    """One answer of several: exact, as each document's score depends on no other document."""
    return Answer(
        scores=sorted(scores.values(), key=best_first),
        prompt_tokens=sum(each.prompt_tokens for each in answers),
        total_tokens=sum(each.total_tokens for each in answers),
        request_id=answers[0].request_id if len(answers) == 1 else None,
        scale=answers[0].scale if answers else None,
        calls=len(answers),
    )
