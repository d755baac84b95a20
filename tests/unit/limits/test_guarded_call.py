"""What each answer of the upstream means for the key, the model, the account and the job."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rerankq.accounts.accounts import Report
from rerankq.accounts.breakers import BreakerState, Trip, key_breaker, model_breaker
from rerankq.events import BreakerOpened
from rerankq.ledger.failures import NO_PAST, Past
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.limits.breaker_changes import close_breaker, open_breaker
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.key_verdicts import ELSEWHERE_SECONDS, NEVER_CERTAIN, PROBED_SECONDS
from rerankq_worker.limits.permit import Demand
from rerankq_worker.upstream.errors import (
    CHECK_ADDRESS,
    BadKey,
    Cause,
    ContentRefused,
    Deferred,
    Malformed,
    ModelUnavailable,
    OutOfCredit,
    QuotaInDoubt,
    Refused,
    Throttled,
    TooLarge,
    Transient,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)
from rerankq_worker.upstream.port import Answer
from rerankq_worker.upstream.sites import Key
from running.fake_limits import ANSWER, Network, asking, breaker, due_breaker

KEY = key_breaker("a", Key("a1").id)
MODEL = model_breaker("a", "site-model")
REQUEST = asking()


@dataclass
class Met:
    """The outcome of a call."""

    network: Network
    error: UpstreamError | None
    told: Report

    @property
    def tripped(self) -> list[tuple[str, str, int]]:
        """The breakers opened, why, and after how many failures that is certain."""
        return [(name, trip.code, trip.certain_after) for name, trip in self.network.breakers.trips]


def call(
    answer: Answer | UpstreamError,
    *,
    attempt: int = 1,
    news: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    away: bool = False,
    endpoint: str = "",
) -> Met:
    """Make one call.

    Args:
        answer: the site's answer.
        attempt: the number of the attempt.
        news: what an exchange returns while the call is in flight.
        before: what an exchange returned before the call.
        away: whether Redis is away for breakers.
        endpoint: the site's fingerprint; empty for a site that counts as proven.
    """
    network = Network(a={"m": "site-model"})
    network.permits["a"].rankings.endpoint = endpoint
    network.providers["a"].answer = answer

    async def scenario() -> UpstreamError | None:
        network.hear("a", **({"permits": 1} | (before or {})))
        reservation = await network.routes.reserve(REQUEST, tokens=10, retry=attempt > 1)
        if news:
            network.hear("a", **news)
        network.breakers.away = away
        try:
            async with GuardedCall(network.routes, reservation) as upstream:
                await upstream.ask("job", attempt, REQUEST)
        except UpstreamError as error:
            return error
        return None

    error = asyncio.run(scenario())
    assert network.permits["a"].in_flight == 0
    return Met(network, error, network.permits["a"].report(Demand(0, 0)))


def test_call_is_made_by_its_route() -> None:
    """The call has the site's name for the model, and the key of its route."""
    (made,) = call(ANSWER, attempt=2).network.providers["a"].calls
    assert (made.job_id, made.attempt, made.request) == ("job", 2, REQUEST)
    assert (made.model, made.authorization) == ("site-model", "a1")


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_connection_that_is_not_made_is_counted_separately(attempt: int) -> None:
    """It is reported apart: other workers' calls decide whether the upstream is at fault."""
    assert call(Unreachable("where"), attempt=attempt).told.unreached == 2.5


def test_a_kind_of_an_error_counts_as_that_error() -> None:
    """An error class that is in no table counts like its nearest parent that is."""

    class NoSuchHost(Unreachable):
        """A cause that providers may tell apart one day."""

    assert call(NoSuchHost("where")).told.unreached == call(Unreachable("where")).told.unreached


def test_a_ranking_counts_as_a_success() -> None:
    """A ranking is reported as a success, and changes no breaker."""
    met = call(ANSWER)
    assert (met.told.ok, met.told.throttled, met.told.trouble) == (1, 0, 0)
    assert met.tripped == []
    assert met.network.breakers.closed == []


def test_answer_settles_its_tokens_and_its_pause() -> None:
    """The upstream's token count replaces the estimate, and a used-up window pauses all workers."""
    met = call(ANSWER._replace(total_tokens=500, pause_seconds=1.5), before={"tokens": 100})
    assert met.told.left_tokens == 100 - 500
    assert met.told.pause_ms == 1500


@pytest.mark.parametrize(
    ("error", "attempt", "throttled", "trouble", "ok"),
    [
        (Throttled("slow"), 1, 1, 0, 0),
        (QuotaInDoubt("slow"), 1, 1, 0, 0),
        (OutOfCredit("empty"), 1, 0, 0, 0),
        (BadKey("who"), 1, 0, 0, 0),
        (ModelUnavailable("which"), 1, 0, 0, 0),
        (Transient("oh"), 1, 0, 1.0, 0),
        (Transient("oh"), 2, 0, 0.25, 0),
        (Unreachable("where"), 1, 0, 0, 0),
        (Malformed("what"), 1, 0, 0.5, 0),
        (Malformed("what"), 3, 0, 0.125, 0),
        (Refused("no", status=400), 1, 0, 0, 1),
        (TooLarge("no", status=413), 1, 0, 0, 1),
        (WrongEndpoint("elsewhere", status=302), 1, 0, 10, 0),
        (WrongEndpoint("elsewhere", status=302), 2, 0, 10, 0),
        (TooLarge("never sent"), 1, 0, 0, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, UpstreamError) else str(value),
)
def test_account_is_told(
    error: UpstreamError, attempt: int, throttled: int, trouble: float, ok: int
) -> None:
    """Each class of error counts as throttling, as trouble, as a success, or as none of these."""
    told = call(error, attempt=attempt).told
    assert (told.throttled, told.trouble, told.ok) == (throttled, trouble, ok)


@pytest.mark.parametrize(
    ("error", "tripped"),
    [
        (QuotaInDoubt("slow"), [(KEY, "upstream_billing", 3)]),
        (OutOfCredit("empty"), [(KEY, "upstream_billing", 1)]),
        (BadKey("who"), [(KEY, "upstream_auth", NEVER_CERTAIN)]),
        (ModelUnavailable("which"), [(MODEL, "upstream_model", 3)]),
        (Throttled("slow"), []),
        (Transient("oh"), []),
        (Unreachable("where"), []),
        (Malformed("what"), []),
        (Refused("no", status=400), []),
        (TooLarge("no", status=413), []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, UpstreamError) else "",
)
def test_key_or_model_trips(error: UpstreamError, tripped: list[tuple[str, str, int]]) -> None:
    """An error that is the key's or the model's fault opens its breaker."""
    assert call(error).tripped == tripped


@pytest.mark.parametrize(
    "error",
    [
        Throttled("slow"),
        QuotaInDoubt("slow"),
        ModelUnavailable("which"),
        Transient("oh"),
        Malformed("what"),
        Refused("no", status=400),
    ],
    ids=lambda error: type(error).__name__,
)
def test_job_meets_its_own_error(error: UpstreamError) -> None:
    """An error that the job must wait for, or fail by, reaches it unchanged."""
    assert call(error).error is error


@pytest.mark.parametrize(
    "error",
    [OutOfCredit("empty", status=403, request_id="r"), BadKey("who", status=401)],
    ids=lambda error: type(error).__name__,
)
def test_job_waits_for_its_key(error: UpstreamError) -> None:
    """A refused key costs the job no attempt: it waits, and keeps all known of the cause."""
    met = call(error).error
    assert isinstance(met, Deferred)
    assert (str(met), met.code, met.__cause__) == (str(error), error.code, error)
    assert (met.status, met.request_id) == (error.status, error.request_id)


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [(True, True, PROBED_SECONDS), (True, False, ELSEWHERE_SECONDS), (False, True, 1.0)],
)
def test_job_of_a_failed_probe_is_not_the_next_one(
    *, first: bool, second: bool, seconds: float
) -> None:
    """A job whose probe failed stays away past the next probe, unless another key is usable."""
    other = key_breaker("a", Key("a2").id)
    tripped = ({KEY: due_breaker()} if first else {}) | ({other: breaker()} if second else {})
    met = call(BadKey("may not do this"), before={"tripped": tripped}).error
    assert isinstance(met, Deferred)
    assert met.seconds == seconds


def test_failed_probe_outlasts_the_next() -> None:
    """The job of a failed probe is not back when the next probe is due."""
    assert (Trip("", "").probe_seconds or 0) < PROBED_SECONDS


@pytest.mark.parametrize("error", [Transient("oh"), Unreachable("where"), Malformed("what")])
def test_outage_costs_no_attempt(error: UpstreamError) -> None:
    """Once the upstream is known to be out, a failed call costs the job no attempt."""
    met = call(error, news={"mode": "broken", "wait_ms": 5000}).error
    assert isinstance(met, Deferred)
    assert met.code == error.code


def test_failing_probe_costs_no_attempt() -> None:
    """A failed probe of the account costs its job no attempt."""
    probe = {"permits": 1, "probe": True, "mode": "throttled", "wait_ms": 1000}
    met = call(Transient("oh"), before=probe)
    assert isinstance(met.error, Deferred)
    assert not met.told.probe_ok


ANSWERED: tuple[Answer | UpstreamError, ...] = (ANSWER, Refused("no", status=400))
NOT_ANSWERED = WrongEndpoint("elsewhere", status=302), TooLarge("never sent")


@pytest.mark.parametrize("answer", ANSWERED, ids=["answered", "refused"])
def test_probe_that_is_answered_says_so(answer: Answer | UpstreamError) -> None:
    """A ranking and a refusal of the request both prove that the upstream is back."""
    probe = {"permits": 1, "probe": True, "mode": "broken", "wait_ms": 5000}
    assert call(answer, before=probe).told.probe_ok


@pytest.mark.parametrize("error", NOT_ANSWERED, ids=["redirected", "never sent"])
def test_probe_that_is_not_answered_proves_nothing(error: UpstreamError) -> None:
    """A redirect, or a request that was never sent, closes no breaker; the job only waits."""
    probe = {"permits": 1, "probe": True, "mode": "broken", "wait_ms": 5000}
    met = call(error, before=probe)
    assert not met.told.probe_ok
    assert isinstance(met.error, Deferred)
    tripped = {KEY: due_breaker(), MODEL: due_breaker()}
    assert call(error, before={"tripped": tripped}).network.breakers.closed == []


@pytest.mark.parametrize("answer", ANSWERED, ids=["answered", "refused"])
def test_good_probe_closes_what_it_probed(answer: Answer | UpstreamError) -> None:
    """The breaker of a parked key whose probe is answered closes for all workers."""
    tripped = {KEY: due_breaker(), MODEL: due_breaker()}
    assert call(answer, before={"tripped": tripped}).network.breakers.closed == [KEY, MODEL]


def test_refusal_proves_no_balance() -> None:
    """Gateways check the request before the balance: a 400 closes no breaker for billing."""
    tripped = {KEY: replace(due_breaker(), code="upstream_billing"), MODEL: due_breaker()}
    met = call(Refused("no", status=400), before={"tripped": tripped})
    assert met.network.breakers.closed == [MODEL]
    assert call(ANSWER, before={"tripped": tripped}).network.breakers.closed == [KEY, MODEL]


def test_earlier_call_closes_nothing_that_is_parked() -> None:
    """An answer to an earlier call closes breakers that are doubted, but none that are parked."""
    doubted, parked = breaker(BreakerState.DOUBTED), breaker()
    assert call(ANSWER, news={"tripped": {KEY: parked}}).network.breakers.closed == []
    assert call(ANSWER, news={"tripped": {KEY: doubted}}).network.breakers.closed == [KEY]


def test_failing_probe_closes_nothing() -> None:
    """The breaker of a parked key whose probe is refused stays open."""
    met = call(BadKey("who"), before={"tripped": {KEY: due_breaker()}})
    assert met.network.breakers.closed == []
    assert met.tripped == [(KEY, "upstream_auth", NEVER_CERTAIN)]


def test_redis_away_costs_no_answer() -> None:
    """If a breaker cannot be closed, the answer is still used."""
    assert call(ANSWER, before={"tripped": {KEY: due_breaker()}}, away=True).error is None


@pytest.mark.parametrize("error", [BadKey("who"), OutOfCredit("empty"), ModelUnavailable("which")])
def test_job_waits_for_long_where_no_breaker_opened(error: UpstreamError) -> None:
    """If a breaker could not be opened, the job does not come back at once."""
    met = call(error, away=True).error
    assert met is error
    decision = RetryPolicy().decide(error, attempts=0, age_seconds=0)
    assert isinstance(decision, RetryAfter)
    assert (decision.attempts, decision.seconds >= 30) == (0, True)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Throttled("slow", status=429), "upstream_throttled (429)"),
        (QuotaInDoubt("slow", status=429), "upstream_throttled (429)"),
        (Transient("oh", status=502), "upstream_unavailable (502)"),
        (Unreachable("where"), "upstream_unavailable (no answer)"),
        (Unreachable("where", cause=Cause.DNS), "upstream_unavailable (dns)"),
        (Transient("oh", status=502, cause=Cause.PAGE), "upstream_unavailable (502, page)"),
        (Malformed("what", status=200), "upstream_malformed (200)"),
        (WrongEndpoint("a page", status=404), f"upstream_endpoint (404): {CHECK_ADDRESS}"),
        (Refused("no", status=400), ""),
        (BadKey("who", status=401), ""),
        (ModelUnavailable("which", status=503), ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, UpstreamError) else "",
)
def test_cause_is_what_can_pause_an_account(error: UpstreamError, cause: str) -> None:
    """The cause shown for an account out of use is a 429 or a failure, and nothing else."""
    assert call(error).told.cause == cause


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (Throttled("slow", retry_after=7), (7000, 0)),
        (Transient("oh", retry_after=7), (0, 7000)),
        (Transient("oh", retry_after=1e9), (0, 3_600_000)),
        (Throttled("slow"), (0, 0)),
        (Transient("oh"), (0, 0)),
    ],
)
def test_retry_after_reaches_the_account(error: UpstreamError, pauses: tuple[int, int]) -> None:
    """The waits that 429s and failures ask for are reported, each apart."""
    told = call(error).told
    assert (told.pause_ms, told.trouble_pause_ms) == pauses


def test_operator_is_alerted() -> None:
    """A parked key is reported by its fingerprint, never by the key itself."""
    told = call(OutOfCredit("empty")).network.heard
    assert told == [
        BreakerOpened(breaker=KEY, state="parked", reason="upstream_billing", message="empty")
    ]
    assert "a1" not in KEY


def test_calls_that_fail_together_alert_once() -> None:
    """A breaker that stays open as it was is told once, until it has closed; a change is told."""
    network = call(OutOfCredit("empty, by one")).network
    permits, again = network.permits["a"], Trip(OutOfCredit.code, "empty, by another")

    async def scenario() -> None:
        await open_breaker(network.routes.breakers, permits, KEY, again)
        assert len(network.heard) == 1
        await open_breaker(network.routes.breakers, permits, KEY, replace(again, certain_after=3))
        assert len(network.heard) == 2
        await close_breaker(network.routes.breakers, (KEY,))
        await open_breaker(network.routes.breakers, permits, KEY, again)

    asyncio.run(scenario())
    assert [type(each).__name__ for each in network.heard[2:]] == ["BreakerClosed", "BreakerOpened"]


# Faults that may come from wrong settings.

NEVER_RANKED = {"ranked": "another"}
FAILED_BEFORE = Past(failed_seconds=9, failing_seconds=9)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("no", status=422), "upstream_refused"),
        (TooLarge("no", status=413), "upstream_too_large"),
        (WrongEndpoint("a page", status=404), "upstream_endpoint"),
    ],
)
def test_a_site_that_never_ranked_is_taken_out(error: UpstreamError, code: str) -> None:
    """If an endpoint has never ranked, its refusals point to wrong settings, and fail no job."""
    met = call(error, before=NEVER_RANKED, endpoint="at-this")
    assert isinstance(met.error, Deferred)
    assert met.error.code == code
    assert (met.told.trouble, met.told.ok) == (10, 0)
    assert "RERANKQ_UPSTREAM_URL and RERANKQ_DIALECT" in met.told.cause


@pytest.mark.parametrize("error", [Transient("oh"), Malformed("what"), Unreachable("where")])
@pytest.mark.parametrize(("ranked", "ends"), [("another", False), ("at-this", True)])
def test_only_a_site_that_has_ranked_ends_a_job(
    error: UpstreamError, ranked: str, *, ends: bool
) -> None:
    """A failure may end its job only if that endpoint has ever ranked."""
    met = call(error, before={"ranked": ranked}, endpoint="at-this")
    assert met.error is error
    assert error.ends_job is ends


def test_a_ranking_proves_its_endpoint() -> None:
    """A ranking is reported for its endpoint, and a refusal is not."""
    assert call(ANSWER, endpoint="at-this").told.ranked == "at-this"
    assert (
        call(
            Refused("no", status=400), before={"ranked": "at-this"}, endpoint="at-this"
        ).told.ranked
        == ""
    )


@pytest.mark.parametrize(
    ("past", "served", "waits"),
    [(NO_PAST, True, False), (FAILED_BEFORE, False, True), (FAILED_BEFORE, True, False)],
)
def test_a_page_is_one_failure_where_others_are_ranked(
    past: Past, *, served: bool, waits: bool
) -> None:
    """It ends a job only if the job met it before, and others were ranked since.

    If nobody was ranked lately, the fault is the site's, and the job waits.
    """
    network = Network(a={"m": "site-model"})

    async def scenario() -> UpstreamError:
        if served:
            network.permits["a"].gave_ranking()
        network.hear("a", permits=1)
        network.providers["a"].answer = WrongEndpoint("a page", status=403)
        reservation = await network.routes.reserve(REQUEST, tokens=10, retry=False)
        async with GuardedCall(network.routes, reservation, past) as upstream:
            with pytest.raises(UpstreamError) as caught:
                await upstream.ask("job", 1, REQUEST)
        return caught.value

    met = asyncio.run(scenario())
    assert isinstance(met, Deferred) is waits
    assert met.code == "upstream_endpoint"
    assert waits or met.ends_job is (past is FAILED_BEFORE)
    told = network.permits["a"].report(Demand(0, 0))
    assert (told.trouble, told.astray) == (1.0 if served else 10.0, 1)


# A key by which others are ranked.


def refused(
    *jobs: str,
    ranked_before: tuple[int, ...] = (0,),
    error: UpstreamError | None = None,
    news: dict[str, Any] | None = None,
) -> tuple[Network, list[UpstreamError]]:
    """Make a call for each of these jobs; the key is refused each time.

    Args:
        jobs: their ids, one call each.
        ranked_before: the calls before which another job is ranked.
        error: the refusal.
        news: what an exchange returns before each call.
    """
    network, met = Network(a={"m": "site-model"}), []

    async def ask(job: str, answer: Answer | UpstreamError) -> None:
        network.hear("a", permits=1, **(news or {}))
        network.providers["a"].answer = answer
        reservation = await network.routes.reserve(REQUEST, tokens=10, retry=False)
        async with GuardedCall(network.routes, reservation) as upstream:
            await upstream.ask(job, 1, REQUEST)

    async def scenario() -> None:
        for number, job in enumerate(jobs):
            if number in ranked_before:
                await ask("well", ANSWER)
            with pytest.raises(UpstreamError) as caught:
                await ask(job, error or BadKey("who", status=401))
            met.append(caught.value)

    asyncio.run(scenario())
    return network, met


@pytest.mark.parametrize(
    ("jobs", "ranked_before", "tripped"),
    [
        (("one",) * 9, (0,), 0),
        (("one", "other"), (0,), 0),
        (("one", "other", "one"), (0,), 1),
        (("one", "other", "third"), (0, 2), 0),
        (("one",), (), 1),
    ],
    ids=["one job", "too few", "two jobs", "ranked between", "not ranked lately"],
)
def test_a_key_that_ranks_does_not_trip_for_one_job(
    jobs: tuple[str, ...], ranked_before: tuple[int, ...], tripped: int
) -> None:
    """It takes three refusals in a row, of at least two jobs; for a key that never ranked, one."""
    network, met = refused(*jobs, ranked_before=ranked_before)
    assert len(network.breakers.trips) == tripped
    assert isinstance(met[-1], Deferred) is bool(tripped)


@pytest.mark.parametrize("ranked_before", [(0,), ()], ids=["ranked lately", "from cold"])
def test_a_key_does_not_trip_for_what_one_worker_meets(ranked_before: tuple[int, ...]) -> None:
    """With several workers, its breaker opens when Redis says that others are refused too."""
    jobs = ("one", "other", "third")[: 3 if ranked_before else 1]
    network, met = refused(*jobs, ranked_before=ranked_before, news={"others": 3})
    assert network.breakers.trips == []
    assert isinstance(met[-1], Deferred)
    assert network.permits["a"].report(Demand(0, 0)).refused.keys() == {Key("a1").id}


def test_a_key_that_ranks_is_parked_by_probes_alone() -> None:
    """It is suspected first, and parked when three probes, a second apart, are refused too."""
    network, _ = refused("one", "other", "third")
    ((name, trip),) = network.breakers.trips
    assert (name, trip.certain_after, trip.doubt_seconds) == (KEY, 4, 1.0)


@pytest.mark.parametrize(
    ("jobs", "certain_after"),
    [(("one",), NEVER_CERTAIN), (("one", "one"), NEVER_CERTAIN), (("one", "other"), 1)],
)
def test_one_job_alone_parks_no_key(jobs: tuple[str, ...], certain_after: int) -> None:
    """If nobody was ranked lately, a second job decides; until then it is probed each second."""
    network, met = refused(*jobs, ranked_before=())
    assert network.breakers.trips[-1][1].certain_after == certain_after
    assert all(isinstance(each, Deferred) for each in met)


def test_a_key_that_ranks_for_other_workers_counts_as_ranking() -> None:
    """A worker that has just begun opens no breaker of a key that ranks other workers' jobs."""
    met = call(BadKey("who"), before={"served": frozenset({Key("a1").id})})
    assert met.tripped == []


def test_a_refusal_that_may_be_the_jobs_costs_an_attempt() -> None:
    """It keeps its reason, counts as an ordinary failure, and ends no job that meets it first."""
    _, (met,) = refused("one", error=OutOfCredit("empty", status=403, request_id="r"))
    assert (met.code, met.status, met.request_id) == ("upstream_billing", 403, "r")
    decision = RetryPolicy(max_attempts=1, min_retry_seconds=0).decide(
        met, attempts=5, age_seconds=0
    )
    assert isinstance(decision, RetryAfter)
    assert (decision.attempts, decision.seconds <= 3) == (6, True)


def test_a_text_against_the_policy_ends_its_job_and_nothing_else() -> None:
    """Also if the site has never ranked: a server that judges texts is the endpoint."""
    error = ContentRefused("not this", status=403)
    met = call(error, before=NEVER_RANKED, endpoint="at-this")
    assert (met.error, met.tripped, met.told.trouble) == (error, [], 0)


def test_malformed_answers_to_many_blame_no_job() -> None:
    """If other jobs get malformed answers too, no job is blamed, however often it got one."""
    _, (first, *_, last) = refused(
        *map(str, range(9)), ranked_before=(0, 4), error=Malformed("what", status=200)
    )
    assert not first.alone
    assert not last.alone
    past = Past(failed_seconds=9, failing_seconds=9, pattern="p", repeats=4)
    network = Network(a={"m": "site-model"})
    network.permits["a"].gave_ranking()
    network.permits["a"].rankings.malformed.count_malformed()

    async def scenario() -> UpstreamError:
        network.hear("a", permits=1)
        network.providers["a"].answer = Malformed("what", status=200)
        reservation = await network.routes.reserve(REQUEST, tokens=10, retry=False)
        async with GuardedCall(network.routes, reservation, past) as upstream:
            with pytest.raises(UpstreamError) as caught:
                await upstream.ask("job", 5, REQUEST)
        return caught.value

    assert asyncio.run(scenario()).alone


# One model of several.


def failing(network: Network, model: str, *, times: int) -> list[UpstreamError]:
    """Make first attempts at jobs of a model that all fail, while the account is usable."""

    async def scenario() -> list[UpstreamError]:
        met = []
        network.providers["a"].answer = Transient("do request failed", status=500)
        for _ in range(times):
            network.hear("a", permits=1)
            reservation = await network.routes.reserve(asking(model), tokens=1, retry=False)
            async with GuardedCall(network.routes, reservation) as upstream:
                with pytest.raises(UpstreamError) as caught:
                    await upstream.ask("job", 1, asking(model))
            met.append(caught.value)
        return met

    return asyncio.run(scenario())


def answered(network: Network, model: str) -> None:
    """Make a call for a model that is answered."""

    async def scenario() -> None:
        network.providers["a"].answer = ANSWER
        network.hear("a", permits=1)
        reservation = await network.routes.reserve(asking(model), tokens=1, retry=False)
        async with GuardedCall(network.routes, reservation) as upstream:
            await upstream.ask("job", 1, asking(model))

    asyncio.run(scenario())


def test_model_that_fails_alone_trips_and_the_account_does_not() -> None:
    """If a model fails five times in a row while others are answered, only its breaker opens."""
    network = Network(a={})
    failing(network, "bad", times=4)
    answered(network, "good")
    before = network.permits["a"].report(Demand(0, 0)).trouble
    (met,) = failing(network, "bad", times=1)
    assert [name for name, _ in network.breakers.trips] == [model_breaker("a", "bad")]
    assert isinstance(met, Deferred)
    assert (met.code, met.status) == ("upstream_unavailable", 500)
    assert (before, network.permits["a"].report(Demand(0, 0)).trouble) == (4.0, 0.0)


@pytest.mark.parametrize("lack", ["full", "away"])
def test_model_whose_breaker_cannot_open_costs_attempts(lack: str) -> None:
    """If its breaker cannot open, its failures count for the account and the job."""
    network = Network(a={})
    failing(network, "bad", times=4)
    answered(network, "good")
    setattr(network.breakers, lack, True)
    (met,) = failing(network, "bad", times=1)
    assert type(met) is Transient
    assert network.permits["a"].report(Demand(0, 0)).trouble == 5.0


def test_an_outage_counts_for_the_account() -> None:
    """While no other model is answered, failures count for the account, and no model trips."""
    network = Network(a={})
    answered(network, "good")
    failing(network, "one", times=9)
    failing(network, "other", times=9)
    assert network.breakers.trips == []
    assert network.permits["a"].report(Demand(0, 0)).trouble == 18.0


@pytest.mark.parametrize(
    ("cause", "is_free"),
    [(Cause.ANSWER_TIMEOUT, False), (Cause.CONNECTION_LOST, True), (Cause.PAGE, True)],
)
def test_a_silent_call_is_paid_for_at_a_worker_that_is_cut_off(
    cause: Cause, *, is_free: bool
) -> None:
    """Jobs that are never answered may be all that is left: they must use up their attempts."""
    network = Network(a={"m": "site-model"})
    isolation = network.permits["a"].isolation
    network.providers["a"].answer = Transient("no answer", cause=cause)

    async def scenario() -> UpstreamError:
        network.hear("a", permits=1)
        isolation.answered()
        reservation = await network.routes.reserve(REQUEST, tokens=10, retry=False)
        isolation.cause = "answer_timeout"
        with pytest.raises(UpstreamError) as caught:
            async with GuardedCall(network.routes, reservation) as upstream:
                await upstream.ask("job", 1, REQUEST)
        return caught.value

    assert isinstance(asyncio.run(scenario()), Deferred) is is_free
