"""What the watchdog takes for dead or hanging, and what it does about it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rerankq.broker.backlog import Backlog
from rerankq.errors import LedgerUnavailable
from rerankq.store.answers import Answers
from rerankq_worker.process import watchdog as watching
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.watchdog import MOST_CUTS, Watchdog
from running.counted_restart import CountedRestart

SOON = 0.02
NEVER = 1000.0


class StandInBacklog(Backlog):
    """Returns a number of waiting messages, or fails as if Redis were away."""

    def __init__(self) -> None:
        self.waiting = 3
        self.is_away = False

    async def hints(self) -> int:
        """The number that the test set."""
        if self.is_away:
            raise LedgerUnavailable("Redis is away")
        return self.waiting


class Watched:
    """A watchdog with short time limits, for a worker that would take more messages."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.heartbeats = Heartbeats()
        self.backlog = StandInBacklog()
        self.answers = answers or Answers()
        self.restart = CountedRestart()
        self.takes_more = True
        self.watchdog = Watchdog(
            self.heartbeats,
            self.backlog,
            self.answers,
            takes_more=lambda: self.takes_more,
            restart=self.restart,
        )

    async def check(self, times: int = 2) -> None:
        """Check `times` times, each time after the short limits have passed."""
        for _ in range(times):
            await self.watchdog.check()
            await asyncio.sleep(2 * SOON)


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many connections were cut, each time."""
    done: list[int] = []

    def cut() -> int:
        done.append(1)
        return 1

    monkeypatch.setattr(watching, "cut_connections", cut)
    return done


def patient(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    for name in ("dead", "idle", "hub"):
        monkeypatch.setattr(watching, f"{name.upper()}_SECONDS", seconds.get(name, NEVER))


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


async def unanswered(answers: Answers) -> None:
    async with answers.awaited():
        await asyncio.Event().wait()


def test_a_dead_connection_is_given_up_while_redis_answers(
    monkeypatch: pytest.MonkeyPatch, cuts: list[int]
) -> None:
    """A call without an answer is given up after Redis has answered others for a while."""
    patient(monkeypatch, dead=SOON)

    async def scenario() -> None:
        watched = Watched()
        call = asyncio.create_task(unanswered(watched.answers))
        watched.backlog.is_away = True
        await watched.check(3)
        watched.backlog.is_away = False
        await watched.check(1)
        assert not call.done()
        await watched.check(1)
        assert "no answer" in str(call.exception())
        assert watched.answers.outdated

    run(scenario)
    assert cuts == []


def test_a_slow_answer_gets_more_time_each_time(cuts: list[int]) -> None:
    """A call that was given up may have had a long answer, so the next call gets more time."""
    patience: list[float] = []

    class Impatient(Answers):
        def give_up(self, seconds: float, *, since: float) -> int:
            del since
            patience.append(seconds)
            return 1

    async def scenario() -> None:
        watched = Watched(Impatient())
        await watched.check(6)

    run(scenario)
    assert patience == [5, 10, 20, 40, 60, 60]
    assert cuts == []


@pytest.mark.parametrize("fault", ["idle", "hub"])
def test_connections_of_a_hanging_consumer_are_renewed(
    monkeypatch: pytest.MonkeyPatch, cuts: list[int], fault: str
) -> None:
    """Celery's connections are renewed; if that does not help, the process is replaced."""
    patient(monkeypatch, **{fault: SOON})

    async def scenario() -> None:
        watched = Watched()
        await watched.check(1 + MOST_CUTS)
        assert len(cuts) == MOST_CUTS
        assert watched.restart.reasons == []
        await watched.check(1)
        assert len(watched.restart.reasons) == 1

    run(scenario)


@pytest.mark.parametrize("excuse", ["refused", "claiming", "draining", "away", "nothing waits"])
def test_a_worker_that_can_take_nothing_does_not_hang(
    monkeypatch: pytest.MonkeyPatch, cuts: list[int], excuse: str
) -> None:
    """A worker without messages does not hang if Redis refuses, or while a claim is in flight."""
    patient(monkeypatch, idle=SOON)

    async def scenario() -> None:
        watched = Watched()
        watched.answers.trouble = "Redis is full" if excuse == "refused" else None
        watched.takes_more = excuse != "claiming"
        watched.heartbeats.draining = excuse == "draining"
        watched.backlog.is_away = excuse == "away"
        watched.backlog.waiting = 0 if excuse == "nothing waits" else 3
        await watched.check(4)
        assert watched.restart.reasons == []

    run(scenario)
    assert cuts == []


@pytest.mark.parametrize("trouble", ["Redis is full", "Redis is away"])
def test_what_redis_refuses_is_known_to_all(cuts: list[int], trouble: str) -> None:
    """Why the ledger accepts nothing is kept for the readiness check, until it is over."""

    async def scenario() -> None:
        watched = Watched()
        watched.answers.trouble = trouble
        watched.backlog.is_away = trouble == "Redis is away"
        await watched.check(1)
        assert watched.heartbeats.ledger_trouble == trouble
        watched.answers.trouble, watched.backlog.is_away = None, False
        await watched.check(1)
        assert watched.heartbeats.ledger_trouble is None

    run(scenario)
    assert cuts == []
