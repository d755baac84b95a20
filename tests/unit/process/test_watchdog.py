"""What the watchdog takes for dead or deaf, and what it does about it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rerankq.broker.backlog import Backlog
from rerankq.errors import LedgerUnavailable
from rerankq.store.answers import Answers
from rerankq_worker.process import watchdog as watching
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.restart import Restart
from rerankq_worker.process.watchdog import MOST_CUTS, Watchdog

SOON = 0.02
NEVER = 1000.0


class StandInBacklog(Backlog):
    """Says how much waits, or that Redis cannot be asked."""

    def __init__(self) -> None:
        self.waiting = 3
        self.is_away = False

    async def hints(self) -> int:
        """What the test says."""
        if self.is_away:
            raise LedgerUnavailable("Redis is away")
        return self.waiting


class CountedRestart(Restart):
    """Keeps the reasons, and restarts nothing."""

    def __init__(self) -> None:
        async def nothing() -> None:
            """There is nothing to drain, nor to write."""

        super().__init__(Heartbeats(), drain=nothing, write_out=nothing)
        self.reasons: list[str] = []

    async def in_order(self, reason: str) -> None:
        """Keep the reason."""
        self.reasons.append(reason)


class Kennel:
    """A watchdog whose patience is short, over a worker that takes more."""

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
        """Look so often, each time when what was short has passed."""
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
    """A call without an answer is ended once Redis has answered others for a while, not before."""
    patient(monkeypatch, dead=SOON)

    async def scenario() -> None:
        kennel = Kennel()
        call = asyncio.create_task(unanswered(kennel.answers))
        kennel.backlog.is_away = True
        await kennel.check(3)
        kennel.backlog.is_away = False
        await kennel.check(1)
        assert not call.done()
        await kennel.check(1)
        assert "no answer" in str(call.exception())
        assert kennel.answers.outdated

    run(scenario)
    assert cuts == []


def test_a_slow_answer_gets_more_time_each_time(cuts: list[int]) -> None:
    """What was given up may have been a long answer over a slow line: the next one has longer."""
    patience: list[float] = []

    class Impatient(Answers):
        def give_up(self, seconds: float, *, since: float) -> int:
            del since
            patience.append(seconds)
            return 1

    async def scenario() -> None:
        kennel = Kennel(Impatient())
        await kennel.check(6)

    run(scenario)
    assert patience == [5, 10, 20, 40, 60, 60]
    assert cuts == []


@pytest.mark.parametrize("fault", ["idle", "hub"])
def test_a_deaf_consumer_is_mended_in_place(
    monkeypatch: pytest.MonkeyPatch, cuts: list[int], fault: str
) -> None:
    """Celery's connections are made anew first, and the process only when that was in vain."""
    patient(monkeypatch, **{fault: SOON})

    async def scenario() -> None:
        kennel = Kennel()
        await kennel.check(1 + MOST_CUTS)
        assert len(cuts) == MOST_CUTS
        assert kennel.restart.reasons == []
        await kennel.check(1)
        assert len(kennel.restart.reasons) == 1

    run(scenario)


@pytest.mark.parametrize("excuse", ["refused", "claiming", "draining", "away", "nothing waits"])
def test_who_can_take_nothing_is_not_deaf(
    monkeypatch: pytest.MonkeyPatch, cuts: list[int], excuse: str
) -> None:
    """No message for a while is no deafness where Redis refuses, or a claim is still under way."""
    patient(monkeypatch, idle=SOON)

    async def scenario() -> None:
        kennel = Kennel()
        kennel.answers.trouble = "Redis is full" if excuse == "refused" else None
        kennel.takes_more = excuse != "claiming"
        kennel.heartbeats.draining = excuse == "draining"
        kennel.backlog.is_away = excuse == "away"
        kennel.backlog.waiting = 0 if excuse == "nothing waits" else 3
        await kennel.check(4)
        assert kennel.restart.reasons == []

    run(scenario)
    assert cuts == []


@pytest.mark.parametrize("trouble", ["Redis is full", "Redis is away"])
def test_what_redis_refuses_is_known_to_all(cuts: list[int], trouble: str) -> None:
    """Why the ledger takes nothing is kept for whoever asks for readiness, until it is over."""

    async def scenario() -> None:
        kennel = Kennel()
        kennel.answers.trouble = trouble
        kennel.backlog.is_away = trouble == "Redis is away"
        await kennel.check(1)
        assert kennel.heartbeats.ledger_trouble == trouble
        kennel.answers.trouble, kennel.backlog.is_away = None, False
        await kennel.check(1)
        assert kennel.heartbeats.ledger_trouble is None

    run(scenario)
    assert cuts == []
