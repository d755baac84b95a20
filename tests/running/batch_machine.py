"""Schedules of calls to the ledger in which a batch is paused, resumed and cancelled as a whole.

Clients die in the middle of that: then workers have to do the rest.
"""

from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from rerankq.contract import BatchOptions, JobState, Lane
from rerankq.errors import BatchClosed
from rerankq.ledger import batch_controls
from running.ledger_machine import FAR, Draft, LedgerMachine, drafts


class BatchMachine(LedgerMachine):
    """As `LedgerMachine`; each portion of work on the batch is one job."""

    has_deadline = False
    is_paused = False
    is_cancelled = False
    has_work_left = False
    """Whether a client died while it cancelled."""

    @initialize(
        portion=st.lists(drafts, min_size=2, max_size=5),
        beside=st.sampled_from([1, 100]),
        has_deadline=st.sampled_from([False, False, True]),
    )
    def begin(self, portion: list[Draft], beside: int, has_deadline: bool = False) -> None:  # noqa: FBT001,FBT002 - a choice
        """Begin with a batch that may have a deadline, which is far away."""
        self.has_deadline = has_deadline
        LedgerMachine.begin(self, portion, beside)
        self.changes.enter_context(patch.object(batch_controls, "PAGE", 1))

    def options(self) -> BatchOptions:
        """The batch may have a deadline; then all its jobs have one."""
        return BatchOptions(deadline_seconds=FAR if self.has_deadline else None)

    @rule()
    def pause(self) -> None:
        """Pause the batch, perhaps again."""
        pause = self.desk.batches.pause(self.batch)
        try:
            assert self.desk.run(pause) is not self.is_paused
        except BatchClosed:
            assert self.is_cancelled
        else:
            self.is_paused = True

    @precondition(lambda self: self.is_paused)
    @rule(is_heard=st.booleans(), dies=st.booleans())
    def resume(self, is_heard: bool, dies: bool) -> None:  # noqa: FBT001 - choices
        """Let the batch go on; the client may die after its first portion."""
        if self.is_cancelled:
            return
        self.is_paused = False
        portion = self.desk.run(self.desk.batches.resume(self.batch))
        while True:
            for lane, names in portion.announce.items():
                assert {self.look(name).state for name in names} == {JobState.QUEUED}
                if is_heard:
                    self.lines.hint(Lane(lane), names, again=True)
            if dies or not portion.left:
                return
            portion = self.desk.run(self.desk.batches.resume(self.batch, is_first=False))

    # Seldom, and not at first: nothing more can happen to what is cancelled.
    @precondition(lambda self: len(self.leases) > len("four") and not self.is_cancelled)
    @rule(is_meant=st.sampled_from([False, False, False, True]), dies=st.booleans())
    def cancel_batch(self, is_meant: bool, dies: bool) -> None:  # noqa: FBT001 - choices
        """Cancel the batch; the client may die before it has cancelled the jobs."""
        if not is_meant:
            return
        assert self.desk.run(self.desk.batches.cancel(self.batch))
        self.is_cancelled, self.has_work_left = True, True
        while not dies:
            if self.desk.run(self.desk.batches.cancel_portion(self.batch)).is_last:
                self.has_work_left = False
                entries = self.books.look()
                assert all(each.ended for name, each in entries.items() if self.is_stored(name))
                return

    def is_stored(self, name: str) -> bool:
        """Whether there is a job of this name in the batch."""
        return self.books.is_in_batch(name) and self.look(name).state is not None

    def stops(self, name: str) -> JobState | None:
        """A job of a cancelled batch ends at its claim; one of a paused batch is held back."""
        if not self.books.is_in_batch(name) or not (self.is_cancelled or self.is_paused):
            return None
        return JobState.CANCELLED if self.is_cancelled else JobState.SCHEDULED

    def end_due(self, name: str, end: JobState) -> JobState:
        """In a cancelled batch all ends are cancellations."""
        if self.is_cancelled and self.books.is_in_batch(name):
            return JobState.CANCELLED
        return super().end_due(name, end)

    def ends_at_tick(self, name: str) -> bool:
        """The tick goes on with a cancellation."""
        is_cancelled = self.has_work_left and self.books.is_in_batch(name)
        return is_cancelled or super().ends_at_tick(name)

    def takes_more(self) -> bool:
        """A cancelled batch is closed."""
        return not self.is_cancelled

    def announced(self, *, is_heard: bool = True) -> list[str]:
        """A tick ends what is left of a cancellation, and lets go what is left of a resumption."""
        names = super().announced(is_heard=is_heard)
        self.has_work_left = False
        if not self.is_paused and not self.is_cancelled:
            assert not any(each.is_held for each in self.books.look().values())
        return names

    def goes_on(self) -> None:
        """What a pause holds back can be let go, in whatever state the batch is."""
        while self.is_paused and not self.is_cancelled:
            self.is_paused = False
            while self.desk.run(self.desk.batches.resume(self.batch)).left:
                pass
