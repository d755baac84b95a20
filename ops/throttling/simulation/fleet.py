"""Workers, Redis and an upstream, in virtual time."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from rerankq.accounts import accounts
from rerankq.contract import Lane
from throttling.simulation.loop import VirtualLoop
from throttling.simulation.outcome import Outcome
from throttling.simulation.script import SimulatedStore
from throttling.simulation.upstream import Behaviour, ModelUpstream
from throttling.simulation.worker import Worker

APART_SECONDS: Final = 0.01
"""Seconds between the starts of two workers."""
ENDLESS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate.

    Attributes:
        behaviour: of the upstream, at first.
        known: the limits that workers know.
        seconds: how long.
        workers: number of workers; each always has bulk work.
        max_in_flight: highest number of calls in flight of each worker.
        changes: what happens, and when, in seconds from the start.
        interactive_every: seconds between interactive jobs, for a worker of their own.
        seed: of all random numbers.
    """

    behaviour: Behaviour
    known: accounts.Limits = field(default_factory=accounts.Limits)
    seconds: float = 180.0
    workers: int = 4
    max_in_flight: int = 100
    changes: Mapping[float, Callable[["Fleet"], None]] = field(default_factory=dict)
    interactive_every: float | None = None
    seed: int = 1


class Fleet:
    """All parts; create it within a running loop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._chance = Random(plan.seed)  # noqa: S311  the same in every run
        self.store = SimulatedStore(self._loop.time)
        self.upstream = ModelUpstream(plan.behaviour, self._loop.time, self._chance)
        self._accounts = accounts.Accounts(self.store)
        self.workers = [self._worker(str(number), Lane.BULK) for number in range(plan.workers)]
        self._interactive = self._worker("interactive", Lane.INTERACTIVE)

    async def run(self) -> Outcome:
        """Run the whole plan."""
        plan, started = self._plan, self._loop.time()
        for after, change in plan.changes.items():
            self._loop.call_later(after, change, self)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._run(*each)) for each in enumerate(self.workers)]
            if plan.interactive_every:
                running.append(tasks.create_task(self._interactive.exchange.run()))
                running.append(tasks.create_task(self._arrivals(plan.interactive_every)))
            await asyncio.sleep(plan.seconds)
            for task in running:
                task.cancel()
        return Outcome(
            started, plan.seconds, self.upstream.arrivals, self.store.runs, self._interactive.waits
        )

    async def _run(self, number: int, worker: Worker) -> None:
        await asyncio.sleep(APART_SECONDS * number)
        await worker.exchange.run()

    async def _arrivals(self, every: float) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * every)
            self._interactive.add()

    def _worker(self, name: str, lane: Lane) -> Worker:
        plan = self._plan
        return Worker(
            name,
            self._accounts,
            self.upstream,
            limits=plan.known,
            lane=lane,
            max_in_flight=plan.max_in_flight,
            backlog=ENDLESS if lane is Lane.BULK else 0,
            chance=self._chance,
        )


def simulate(plan: Plan) -> Outcome:
    """Run a plan to its end."""

    async def play() -> Outcome:
        return await Fleet(plan).run()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(play())
