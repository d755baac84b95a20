"""What the calls of one attempt at a job have used, for the ledger's accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rerankq.ledger.usage import CallUsage, Usage
from rerankq_worker.limits.route import Reservation
from rerankq_worker.upstream.errors import (
    Malformed,
    NotBegun,
    Transient,
    Unreachable,
    UpstreamError,
)
from rerankq_worker.upstream.port import Answer


@dataclass(slots=True)
class AttemptUsage:
    """Collects what calls have used, by the key that they were made with.

    Attributes:
        model: the model, by the job's name for it.
        calls: of each call that reached the upstream, as far as can be known.
    """

    model: str
    calls: list[CallUsage] = field(default_factory=list)
    _taken: CallUsage | None = None

    def ranked(
        self,
        reservation: Reservation,
        answer: Answer,
        *,
        pairs: int,
        estimated: int,
        counted: int = 0,
        calls: int = 1,
    ) -> None:
        """Note a call that brought a ranking.

        Args:
            reservation: by which it was made.
            answer: what the upstream answered.
            pairs: how many documents were sent.
            estimated: the estimated tokens of the call.
            counted: the same, as the model's tokenizer counts them; 0 if it was not used.
            calls: 0 where another job of a shared call has counted it.
        """
        tokens = answer.total_tokens, 0, 0
        if not answer.total_tokens:
            tokens = (0, counted, 0) if counted else (0, 0, estimated)
        self._add(reservation, Usage(0, calls, 0, 0, pairs, *tokens))

    def failed(
        self,
        reservation: Reservation,
        fault: UpstreamError | None,
        *,
        estimated: int,
        calls: int = 1,
    ) -> None:
        """Note a call that brought none, unless the upstream never saw it.

        Args:
            reservation: by which it was made.
            fault: how the call failed; None when there was no call.
            estimated: the estimated tokens of the call.
            calls: as for `ranked`.
        """
        if fault is None or isinstance(fault, NotBegun | Unreachable):
            return
        uncertain = estimated if may_be_billed(fault) else 0
        self._add(reservation, Usage(calls=calls, retries=calls, uncertain_tokens=uncertain))

    def broken_off(self, reservation: Reservation, *, estimated: int) -> None:
        """Note a call that this worker broke off: nobody knows whether it was charged.

        Args:
            reservation: by which it was made.
            estimated: the estimated tokens of the call; 0 if they were not estimated.
        """
        self._add(reservation, Usage(uncertain_calls=1, uncertain_tokens=estimated))

    def take(self) -> tuple[CallUsage, ...]:
        """What is to be counted before the attempt ends: `told` does not tell it again."""
        taken = tuple(self.calls)
        if taken:
            self._taken = taken[-1]
        self.calls.clear()
        return taken

    def put_back(self, taken: Sequence[CallUsage]) -> None:
        """What was taken could not be counted: `told` tells it."""
        self.calls[:0] = taken

    def reused(self, site: str, *, pairs: int, tokens: int) -> None:
        """Note pairs that were not sent, because their scores were known.

        Args:
            site: whose scores they are.
            pairs: how many.
            tokens: the estimated tokens that they would have cost.
        """
        saved = Usage(reused_pairs=pairs, reused_tokens=tokens)
        self.calls.append(CallUsage(site, "", self.model, saved))

    def told(self, *, succeeded: bool) -> tuple[CallUsage, ...]:
        """All of it, for the ledger; for a job that has its ranking, one job is counted."""
        if not succeeded:
            return tuple(self.calls)
        if not self.calls:
            place = self._taken or CallUsage("", "", self.model, Usage())
            return (place._replace(usage=Usage(jobs=1)),)
        first, *others = self.calls
        return (first._replace(usage=first.usage._replace(jobs=1)), *others)

    def _add(self, reservation: Reservation, usage: Usage) -> None:
        route = reservation.route
        self.calls.append(CallUsage(route.site.name, route.key.id, self.model, usage))


def may_be_billed(fault: UpstreamError) -> bool:
    """Whether an upstream may charge for a call that failed so: it may have done the work."""
    return isinstance(fault, Malformed | Transient) and not isinstance(fault, Unreachable)
