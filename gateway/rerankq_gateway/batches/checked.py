"""The jobs of files that were checked, kept until they are submitted: none is made twice."""

from collections import OrderedDict
from contextlib import suppress
from typing import Final

from rerankq.client.prepared import PreparedJob
from rerankq_gateway.lines import Spool, new_spool

MOST_KEPT: Final = 8
"""Files whose jobs are kept on disk; the jobs of others are made again from their lines."""


class CheckedJobs:
    """The jobs of some files, each by the batch that is filled from it.

    They are only a saving: whoever finds none makes them again. So a full disk is no fault.
    """

    def __init__(self) -> None:
        self._spools: OrderedDict[str, Spool] = OrderedDict()

    def begin(self, batch_id: str) -> None:
        """Keep the jobs that follow for this batch."""
        self.drop(batch_id)
        with suppress(OSError):
            self._spools[batch_id] = new_spool()
        if len(self._spools) > MOST_KEPT:
            self.drop(next(iter(self._spools)))

    def add(self, batch_id: str, line: int, job: PreparedJob) -> None:
        """Keep the job of a line."""
        if spool := self._spools.get(batch_id):
            try:
                spool.add(line, job)
            except OSError:
                self.drop(batch_id)

    def of(self, batch_id: str, count: int) -> Spool | None:
        """The jobs of a batch, if all of so many are kept."""
        spool = self._spools.get(batch_id)
        if spool is None or spool.count != count:
            return None
        try:
            spool.flush()
        except OSError:
            self.drop(batch_id)
            return None
        return spool

    def drop(self, batch_id: str) -> None:
        """Keep them no more."""
        if spool := self._spools.pop(batch_id, None):
            # Closing writes out what is left, for which there may be no room.
            with suppress(OSError):
                spool.close()
