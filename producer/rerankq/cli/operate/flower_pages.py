"""Pages and calls of Flower that are ours: those of one job, and those that change something."""

from collections.abc import Iterable
from typing import Any, Final

from flower.api import BaseApiHandler
from flower.api.tasks import TaskInfo
from flower.views.tasks import TaskView
from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from rerankq.cli.operate.flower_ledger import LedgerView

SENSELESS: Final = (
    *(f"/api/task/{each}/(.+)" for each in ("apply", "async-apply", "send-task", "abort")),
    *(f"/api/task/{each}/(.+)" for each in ("timeout", "rate-limit")),
    *(f"/api/worker/pool/{each}/(.+)" for each in ("restart", "grow", "shrink", "autoscale")),
)
"""Changes that rerankq's workers do not have, or that would do harm."""
_READ_ONLY: Final = "Flower only looks on here: start it with --allow-changes to cancel jobs"
_SENSELESS: Final = (
    "rerankq has no such change: submit jobs by its client or `rerankq submit`; "
    "RERANKQ_MAX_IN_FLIGHT, RERANKQ_CALL_SECONDS and RERANKQ_RPM set a worker's size and limits"
)
_ANSWER_SECONDS: Final = 1.0
_CONFLICT: Final = 409
_UNAVAILABLE: Final = 503


def own_pages(ledger: LedgerView, *, may_change: bool) -> list[URLSpec]:
    """The pages that take the place of Flower's.

    Args:
        ledger: knows jobs that Flower has not heard of.
        may_change: whether jobs may be cancelled, and workers be ended.
    """
    known = {"ledger": ledger}
    return [
        url(r"/task/(.+)", JobPage, known),
        url(r"/api/task/info/(.*)", JobInfo, known),
        url(r"/api/task/revoke/(.+)", CancelJob, {"may_change": may_change}),
        *(url(path, Refusal, {"may_change": may_change}) for path in SENSELESS),
    ]


class JobPage(TaskView):  # type: ignore[misc]  # Flower has no types
    """The page of a job; also of one that Flower has never heard of."""

    def initialize(self, ledger: LedgerView) -> None:
        """Keep what it needs."""
        self._ledger = ledger

    async def prepare(self) -> None:
        """Look the job up before its page is made."""
        await self._ledger.look_up(self.path_args[0])


class JobInfo(TaskInfo):  # type: ignore[misc]  # as above
    """The same for programs."""

    def initialize(self, ledger: LedgerView) -> None:
        """Keep what it needs."""
        self._ledger = ledger

    async def prepare(self) -> None:
        """Look the job up before it is told of."""
        super().prepare()
        await self._ledger.look_up(self.path_args[0])


class CancelJob(BaseApiHandler):  # type: ignore[misc]  # as above
    """Cancels a job by Celery's remote control, and says what became of it."""

    def initialize(self, *, may_change: bool) -> None:
        """Keep what it needs."""
        self._may_change = may_change

    async def post(self, job_id: str) -> None:
        """Cancel it."""
        if not self._may_change:
            raise HTTPError(403, _READ_ONLY)
        answers = await self.run_blocking("task.revoke", job_id, self._revoke, job_id)
        status, said = _verdict(answers)
        self.set_status(status)
        self.write({"message": said})

    def _revoke(self, job_id: str) -> list[dict[str, dict[str, str]]]:
        # The first answer is enough: the ledger is the same for all workers.
        answers = self.capp.control.revoke(job_id, reply=True, limit=1, timeout=_ANSWER_SECONDS)
        return answers or []


class Refusal(BaseApiHandler):  # type: ignore[misc]  # as above
    """Refuses a change."""

    def initialize(self, *, may_change: bool) -> None:
        """Keep what it needs."""
        self._may_change = may_change

    def post(self, _: str) -> None:
        """Say why not."""
        raise HTTPError(403, _SENSELESS if self._may_change else _READ_ONLY)


def _verdict(answers: Iterable[dict[str, Any]]) -> tuple[int, str]:
    """HTTP status and text for the answers of workers."""
    for answer in answers:
        for said in answer.values():
            if "ok" in said:
                return 200, said["ok"]
            return _CONFLICT, said.get("error", "")
    return _UNAVAILABLE, "no worker has answered: `rerankq cancel` needs none"
