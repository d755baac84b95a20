"""Celery's side of a hint: the task's message in, the executor's tally out."""

from collections.abc import Callable, Mapping
from typing import Any

from rerankq.contract import TASK_NAME, Hint
from rerankq_worker.consumer.pool import AwaitedTask
from rerankq_worker.jobs.executor import Executor


class HintService:
    """Serves the messages of the one task: what the pool runs on its loop."""

    def __init__(self, executor: Executor, *, drain_seconds: float) -> None:
        self._executor = executor
        self._drain_seconds = drain_seconds

    async def serve(
        self, arguments: Mapping[str, Any], accepted: Callable[[], None]
    ) -> dict[str, int]:
        """Work on the jobs that the message names; returns how many had which outcome.

        Raises:
            InvalidRequest: the message is no hint.
        """
        return await self._executor.serve(Hint.parse(arguments), accepted)

    def hurry(self) -> None:
        """Cut a drain short."""
        self._executor.hurry()

    async def drain(self) -> None:
        """Let running jobs finish within the time limit, and give the others back."""
        await self._executor.drain(self._drain_seconds)


class RerankTask(AwaitedTask):
    """The only task. It is acknowledged once its jobs are claimed: leases keep them safe then."""

    name = TASK_NAME
    ignore_result = True
    acks_late = False
