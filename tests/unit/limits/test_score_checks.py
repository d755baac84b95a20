"""Checks of scores: when they are made, what parks a model, and what ends that."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from rerankq.accounts.breakers import TrippedBreaker, key_breaker, model_breaker
from rerankq.accounts.score_turns import ScoreTurns
from rerankq.accounts.scripts import NONSENSE_SCORES
from rerankq.errors import LedgerUnavailable
from rerankq.events import BreakerClosed, BreakerHalfOpened, BreakerOpened, ScoresChecked
from rerankq_worker.limits import score_checks
from rerankq_worker.limits.breaker_view import MODEL_SECONDS
from rerankq_worker.limits.score_checks import AGAIN_SECONDS, CHECK_ID, SANE, ScoreChecks
from rerankq_worker.upstream.errors import Deferred, NotANumber, Transient, UpstreamError
from rerankq_worker.upstream.known_pairs import QUESTIONS
from rerankq_worker.upstream.port import Answer, Call, Score
from rerankq_worker.upstream.sites import Key
from running.fake_limits import FakeBreakers, FakeProvider, Network, asking, breaker, due_breaker

MODEL = model_breaker("a", "m")
EVERY = 3600.0


class Turns(ScoreTurns):
    """Gives each turn once, and records what is noted."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, float]] = []
        self.noted: list[tuple[str, str]] = []
        self.again: list[float] = []
        self.away = False

    async def take(self, site: str, model: str, seconds: float) -> bool:
        """Give the turn, once."""
        if self.away:
            raise LedgerUnavailable("Redis is away")
        is_new = (site, model, seconds) not in self.taken
        self.taken.append((site, model, seconds))
        return is_new

    async def come_back(self, site: str, model: str, seconds: float) -> None:
        """Record when the check is due again."""
        del site, model
        self.again.append(seconds)

    async def note(self, site: str, model: str, outcome: str) -> None:
        """Record the outcome."""
        del site
        self.noted.append((model, outcome))


class Reranker(FakeProvider):
    """Answers known questions well, or as a test sets it: once for each of `wrong`."""

    def __init__(self, *wrong: str | UpstreamError) -> None:
        super().__init__()
        self.wrong = list(wrong)

    async def rerank(self, call: Call) -> Answer:
        """Answer by the next of `wrong`."""
        self.calls.append(call)
        question = next(each for each in QUESTIONS if each.query == call.request.query)
        how = self.wrong.pop(0) if self.wrong else "good"
        if isinstance(how, UpstreamError):
            raise how
        best = {"good": 0.9, "equal": 0.1, "reversed": 0.0}[how]
        scores = [best if n == question.best else 0.1 for n in range(len(question.documents))]
        rows = sorted(map(Score, range(len(scores)), scores), key=lambda e: -e.relevance_score)
        return Answer(rows, prompt_tokens=0, total_tokens=0, request_id=None)


class Tried:
    """One look of a worker with a site `a`.

    Args:
        wrong: see `Reranker`.
        models: what the site calls its models.
        tripped: the open breakers, in Redis and as the worker knows them.
        timed: whether more than probes are made.
    """

    def __init__(
        self,
        *wrong: str | UpstreamError,
        models: Mapping[str, str] | None = None,
        tripped: Mapping[str, TrippedBreaker] | None = None,
        timed: bool = True,
        turns: Turns | None = None,
        ranked: tuple[str, ...] = (),
    ) -> None:
        self.turns = turns or Turns()
        self.network = Network(a=dict(models or {}))
        self.reranker = Reranker(*wrong)
        for route in self.network.reservations:
            object.__setattr__(route, "provider", self.reranker)
        self.tripped = dict(tripped or {})
        self.checks = ScoreChecks(
            self.network.routes,
            [self.network.reservations[0].site],
            self.turns,
            model="m",
            every=EVERY,
            may_call=lambda: True,
            events=self.network.events,
        )
        for each in ranked:
            self.network.routes.ranked_models.ranked("a", each)
        asyncio.run(self._look(timed=timed))

    async def _look(self, *, timed: bool) -> None:
        async def known(_: FakeBreakers) -> dict[str, TrippedBreaker]:
            return self.tripped

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FakeBreakers, "tripped", known, raising=False)
            patch.setattr(score_checks, "REPEAT_SECONDS", 0.0)
            self.network.hear("a", permits=50, tripped=self.tripped)
            async with asyncio.timeout(10):
                await self.checks.look(timed=timed)

    def told(self, kind: type[Any]) -> list[Any]:
        """The events of a kind."""
        return [each for each in self.network.heard if isinstance(each, kind)]

    @property
    def outcomes(self) -> list[str]:
        """What each call showed."""
        return [each.outcome for each in self.told(ScoresChecked)]


def test_one_small_call_is_a_whole_check() -> None:
    """Good scores end a check: one call by a permit, and its outcome for all workers."""
    tried = Tried()
    (call,) = tried.reranker.calls
    assert call.job_id.startswith(CHECK_ID)
    assert (call.model, call.authorization) == ("m", "a1")
    assert tried.outcomes == [SANE]
    assert tried.turns.noted == [("m", SANE)]
    assert tried.network.permits["a"].in_flight == 0


@pytest.mark.parametrize("odd", ["equal", "reversed", NotANumber("nan")])
def test_one_odd_answer_parks_nothing(odd: str | UpstreamError) -> None:
    """One answer may come from one bad server of many: the check goes on, and ends well."""
    tried = Tried(odd)
    assert len(tried.reranker.calls) == 2
    assert tried.outcomes[1:] == [SANE]
    assert tried.network.breakers.trips == []


def test_nonsense_again_and_again_parks_the_model() -> None:
    """Three nonsense answers to three questions open the model's breaker, with its own reason."""
    tried = Tried("equal", NotANumber("nan"), "reversed")
    asked = {call.request.query for call in tried.reranker.calls}
    assert len(asked) == 3
    ((name, trip),) = tried.network.breakers.trips
    assert (name, trip.code, trip.certain_after) == (MODEL, NONSENSE_SCORES, 1)
    assert trip.reason == "its scores of known pairs are reversed: the best document is the last"
    (opened,) = tried.told(BreakerOpened)
    assert (opened.state, opened.reason) == ("parked", NONSENSE_SCORES)
    assert [each.repeat for each in tried.told(ScoresChecked)] == [0, 1, 2]
    assert tried.turns.noted == [("m", "reversed")]


def test_a_check_without_an_answer_says_nothing_about_scores() -> None:
    """An outage is no nonsense: the check comes back later, and parks nothing."""
    tried = Tried("equal", Transient("out"))
    assert tried.network.breakers.trips == []
    assert tried.turns.again == [AGAIN_SECONDS]


def test_each_check_is_made_by_one_worker() -> None:
    """Of several workers the first takes the turn; the others make no call."""
    turns = Turns()
    assert len(Tried(turns=turns).reranker.calls) == 1
    assert Tried(turns=turns).reranker.calls == []


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ({}, ["m"]),
        ({"ranked": ("x", "y")}, ["x", "y"]),
        ({"models": {"m": "a/m", "n": "a/n"}, "ranked": ("a/m",)}, ["a/m", "a/n"]),
    ],
)
def test_which_models_are_checked(given: dict[str, Any], checked: list[str]) -> None:
    """Those that the site names; else those that it ranked for; else the one of the settings."""
    assert [call.model for call in Tried(**given).reranker.calls] == checked


def parked(**fields: Any) -> TrippedBreaker:
    return breaker(code=NONSENSE_SCORES, **fields)


@pytest.mark.parametrize("timed", [True, False])
def test_a_good_probe_ends_the_parking(timed: bool) -> None:  # noqa: FBT001  a parameter of a test
    """A parked model is asked when its probe is due, also if timed checks are off."""
    tried = Tried(tripped={MODEL: parked(probe_at=0.0)}, timed=timed)
    assert tried.network.breakers.probed == [MODEL]
    assert tried.network.breakers.closed == [MODEL]
    assert tried.turns.taken == []
    assert [each.breaker for each in tried.told(BreakerHalfOpened)] == [MODEL]
    assert [each.breaker for each in tried.told(BreakerClosed)] == [MODEL]


def test_a_bad_probe_keeps_the_model_parked() -> None:
    """A probe is not repeated: the next one is due in a minute."""
    tried = Tried("equal", tripped={MODEL: parked(probe_at=0.0)})
    assert len(tried.reranker.calls) == 1
    assert tried.network.breakers.closed == []
    assert [trip.code for _, trip in tried.network.breakers.trips] == [NONSENSE_SCORES]


def test_a_model_that_is_out_of_use_for_another_reason_is_not_checked() -> None:
    """Its own probes, by jobs, are enough."""
    assert Tried(tripped={MODEL: breaker(code="upstream_model")}).reranker.calls == []


def test_a_model_that_jobs_no_longer_name_is_still_probed() -> None:
    """After a restart a worker knows no models of jobs, but probes those that are parked."""
    other = model_breaker("a", "other")
    tried = Tried(tripped={other: parked(probe_at=0.0)}, timed=False)
    assert [call.model for call in tried.reranker.calls] == ["other"]


def test_a_probe_of_scores_also_probes_its_key() -> None:
    """If all jobs are of the parked model, no job could find out that the key is good again."""
    key = key_breaker("a", Key("a1").id)
    breakers = {MODEL: parked(probe_at=0.0), key: due_breaker()}
    tried = Tried(tripped=breakers, timed=False)
    assert sorted(tried.network.breakers.closed) == sorted([key, MODEL])


def test_jobs_wait_for_a_parked_model_and_do_not_probe_it() -> None:
    """A job's ranking proves nothing: it is deferred, without an end by its age."""
    network = Network(a={})
    network.hear("a", permits=5, tripped={MODEL: parked(probe_at=0.0)})
    with pytest.raises(Deferred) as deferred:
        asyncio.run(network.routes.reserve(asking(), tokens=1, retry=False))
    assert deferred.value.code == NONSENSE_SCORES
    assert not deferred.value.ages
    assert 0 < deferred.value.seconds <= MODEL_SECONDS
    assert network.breakers.probed == []


def test_without_redis_nothing_is_checked() -> None:
    """A worker that cannot take the turn makes no call, and goes on."""
    turns = Turns()
    turns.away = True
    assert Tried(turns=turns).reranker.calls == []
    assert turns.noted == []
