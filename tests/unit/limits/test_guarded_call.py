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
    """What came of a call."""

    network: Network
    error: UpstreamError | None
    told: Report

    @property
    def tripped(self) -> list[tuple[str, str, int]]:
        """The circuits closed, why, and how often that must happen."""
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
        answer: what the site says.
        attempt: which attempt it is.
        news: what is heard of the account while the call is under way.
        before: what was heard before it began.
        away: whether Redis is, for circuits.
        endpoint: fingerprint of the site's; one that is taken to be right where empty.
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


def test_call_is_made_as_the_way_says() -> None:
    """The site's name of the model and the key of the way go with the call."""
    (made,) = call(ANSWER, attempt=2).network.providers["a"].calls
    assert (made.job_id, made.attempt, made.request) == ("job", 2, REQUEST)
    assert (made.model, made.authorization) == ("site-model", "a1")


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_connection_that_is_not_made_is_told_apart(attempt: int) -> None:
    """Whether it counts as the upstream's failure is decided by what the other workers meet."""
    assert call(Unreachable("where"), attempt=attempt).told.unreached == 2.5


def test_a_kind_of_an_error_counts_as_that_error() -> None:
    """A class of error that no table names weighs as the nearest one above it that a table has."""

    class NoSuchHost(Unreachable):
        """A cause that providers may tell apart one day."""

    assert call(NoSuchHost("where")).told.unreached == call(Unreachable("where")).told.unreached


def test_good_answer_is_told_as_such() -> None:
    """An answer is told as one that went well, and touches no circuit."""
    met = call(ANSWER)
    assert (met.told.ok, met.told.throttled, met.told.trouble) == (1, 0, 0)
    assert met.tripped == []
    assert met.network.breakers.opened == []


def test_answer_settles_its_tokens_and_its_pause() -> None:
    """The upstream's own count replaces the estimate, and a used-up window pauses all."""
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
    """Each class of error counts as throttling, as trouble, as well, or as none of these."""
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
def test_key_or_model_is_closed(error: UpstreamError, tripped: list[tuple[str, str, int]]) -> None:
    """What the key or the model is to blame for closes it, at once or when it is certain."""
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
    """What is the job's to wait for or to fail by reaches it as it is."""
    assert call(error).error is error


@pytest.mark.parametrize(
    "error",
    [OutOfCredit("empty", status=403, request_id="r"), BadKey("who", status=401)],
    ids=lambda error: type(error).__name__,
)
def test_job_waits_for_its_key(error: UpstreamError) -> None:
    """What no job can help costs it no attempt: it waits, and keeps all that is known of why."""
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
    """Whose probe of a key failed stays away past the next, unless another key is open to it."""
    other = key_breaker("a", Key("a2").id)
    closed = ({KEY: due_breaker()} if first else {}) | ({other: breaker()} if second else {})
    met = call(BadKey("may not do this"), before={"tripped": closed}).error
    assert isinstance(met, Deferred)
    assert met.seconds == seconds


def test_failed_probe_outlasts_the_next() -> None:
    """Whoever stays away after a failed probe is not back when the next is due."""
    assert (Trip("", "").probe_seconds or 0) < PROBED_SECONDS


@pytest.mark.parametrize("error", [Transient("oh"), Unreachable("where"), Malformed("what")])
def test_outage_costs_no_attempt(error: UpstreamError) -> None:
    """Once the upstream is known to be out, a call that fails is none of the job's attempts."""
    met = call(error, news={"mode": "broken", "wait_ms": 5000}).error
    assert isinstance(met, Deferred)
    assert met.code == error.code


def test_failing_probe_costs_no_attempt() -> None:
    """A job that is sent to see whether the upstream is back does not pay for that."""
    probe = {"permits": 1, "probe": True, "mode": "throttled", "wait_ms": 1000}
    met = call(Transient("oh"), before=probe)
    assert isinstance(met.error, Deferred)
    assert not met.told.probe_ok


ANSWERED: tuple[Answer | UpstreamError, ...] = (ANSWER, Refused("no", status=400))
NOT_ANSWERED = WrongEndpoint("elsewhere", status=302), TooLarge("never sent")


@pytest.mark.parametrize("answer", ANSWERED, ids=["answered", "refused"])
def test_probe_that_is_answered_says_so(answer: Answer | UpstreamError) -> None:
    """A ranking and a proper refusal both prove that the upstream is back."""
    probe = {"permits": 1, "probe": True, "mode": "broken", "wait_ms": 5000}
    assert call(answer, before=probe).told.probe_ok


@pytest.mark.parametrize("error", NOT_ANSWERED, ids=["redirected", "never sent"])
def test_probe_that_is_not_answered_proves_nothing(error: UpstreamError) -> None:
    """A redirect, and what was never sent, open neither account nor key; the job only waits."""
    probe = {"permits": 1, "probe": True, "mode": "broken", "wait_ms": 5000}
    met = call(error, before=probe)
    assert not met.told.probe_ok
    assert isinstance(met.error, Deferred)
    closed = {KEY: due_breaker(), MODEL: due_breaker()}
    assert call(error, before={"tripped": closed}).network.breakers.opened == []


@pytest.mark.parametrize("answer", ANSWERED, ids=["answered", "refused"])
def test_good_probe_opens_what_it_probed(answer: Answer | UpstreamError) -> None:
    """A parked key whose probe is answered is open again for all."""
    closed = {KEY: due_breaker(), MODEL: due_breaker()}
    assert call(answer, before={"tripped": closed}).network.breakers.opened == [KEY, MODEL]


def test_refusal_proves_no_balance() -> None:
    """Gateways look at the request before the balance: a 400 opens no key without credit."""
    closed = {KEY: replace(due_breaker(), code="upstream_billing"), MODEL: due_breaker()}
    met = call(Refused("no", status=400), before={"tripped": closed})
    assert met.network.breakers.opened == [MODEL]
    assert call(ANSWER, before={"tripped": closed}).network.breakers.opened == [KEY, MODEL]


def test_earlier_call_opens_nothing_that_is_parked() -> None:
    """An answer to a call from before the parking proves nothing; of doubt it clears."""
    doubted, parked = breaker(BreakerState.DOUBTED), breaker()
    assert call(ANSWER, news={"tripped": {KEY: parked}}).network.breakers.opened == []
    assert call(ANSWER, news={"tripped": {KEY: doubted}}).network.breakers.opened == [KEY]


def test_failing_probe_opens_nothing() -> None:
    """A parked key whose probe is refused stays closed."""
    met = call(BadKey("who"), before={"tripped": {KEY: due_breaker()}})
    assert met.network.breakers.opened == []
    assert met.tripped == [(KEY, "upstream_auth", NEVER_CERTAIN)]


def test_redis_away_costs_no_answer() -> None:
    """A circuit that cannot be opened costs no answer."""
    assert call(ANSWER, before={"tripped": {KEY: due_breaker()}}, away=True).error is None


@pytest.mark.parametrize("error", [BadKey("who"), OutOfCredit("empty"), ModelUnavailable("which")])
def test_job_waits_for_long_where_no_circuit_holds_it_up(error: UpstreamError) -> None:
    """A key or a model that could not be closed is not called again at once by the same job."""
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
def test_cause_is_what_can_close_an_account(error: UpstreamError, cause: str) -> None:
    """The cause that is shown of a closed account is a 429 or a failure, and nothing else."""
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
    """How long a 429 asks to wait is told for all, and apart from it how long a failure does."""
    told = call(error).told
    assert (told.pause_ms, told.trouble_pause_ms) == pauses


def test_operator_is_alerted() -> None:
    """A key that is parked is told of by its fingerprint and without the key."""
    told = call(OutOfCredit("empty")).network.heard
    assert told == [
        BreakerOpened(breaker=KEY, state="parked", reason="upstream_billing", message="empty")
    ]
    assert "a1" not in KEY


# What may be the set-up.

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
    """What an endpoint refuses that never gave a ranking is its set-up's fault, and no job's."""
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
    """Whether a failure may end its job is decided by whether that endpoint ever ranked."""
    met = call(error, before={"ranked": ranked}, endpoint="at-this")
    assert met.error is error
    assert error.ends_job is ends


def test_a_ranking_proves_its_endpoint() -> None:
    """A ranking is told for the endpoint that gave it, and a refusal is not."""
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
    """It is tried again like any other, and ends only a job that met it before the others' ranking.

    Where nobody was ranked lately, it is the site's, and the job waits for that.
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
    """Calls of these jobs, each of which the key is refused for.

    Args:
        jobs: their ids, one call each.
        ranked_before: before which of the calls another job is ranked.
        error: with what they are refused.
        news: what is heard of the account before each call.
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
def test_a_key_that_ranks_is_not_closed_for_one_job(
    jobs: tuple[str, ...], ranked_before: tuple[int, ...], tripped: int
) -> None:
    """Three refusals in a row, of two jobs at least, close it; one does that never ranked."""
    network, met = refused(*jobs, ranked_before=ranked_before)
    assert len(network.breakers.trips) == tripped
    assert isinstance(met[-1], Deferred) is bool(tripped)


@pytest.mark.parametrize("ranked_before", [(0,), ()], ids=["ranked lately", "from cold"])
def test_a_key_is_not_closed_for_what_one_worker_meets(ranked_before: tuple[int, ...]) -> None:
    """Where others work, it is closed when Redis says that they are refused as well."""
    jobs = ("one", "other", "third")[: 3 if ranked_before else 1]
    network, met = refused(*jobs, ranked_before=ranked_before, news={"others": 3})
    assert network.breakers.trips == []
    assert isinstance(met[-1], Deferred)
    assert network.permits["a"].report(Demand(0, 0)).refused.keys() == {Key("a1").id}


def test_a_key_that_ranks_is_parked_by_probes_alone() -> None:
    """It is suspected first: three probes, a second apart, must be refused as well."""
    network, _ = refused("one", "other", "third")
    ((name, trip),) = network.breakers.trips
    assert (name, trip.certain_after, trip.doubt_seconds) == (KEY, 4, 1.0)


@pytest.mark.parametrize(
    ("jobs", "certain_after"),
    [(("one",), NEVER_CERTAIN), (("one", "one"), NEVER_CERTAIN), (("one", "other"), 1)],
)
def test_one_job_alone_parks_no_key(jobs: tuple[str, ...], certain_after: int) -> None:
    """Where nobody was ranked lately a second job decides; until then it is probed each second."""
    network, met = refused(*jobs, ranked_before=())
    assert network.breakers.trips[-1][1].certain_after == certain_after
    assert all(isinstance(each, Deferred) for each in met)


def test_a_key_counts_as_ranking_by_what_other_workers_tell() -> None:
    """A worker that has just begun closes no key by which others' jobs are ranked."""
    met = call(BadKey("who"), before={"served": frozenset({Key("a1").id})})
    assert met.tripped == []


def test_a_refusal_that_may_be_the_jobs_costs_an_attempt() -> None:
    """It keeps its reason, is tried again as any failure, and ends no job that met it first."""
    _, (met,) = refused("one", error=OutOfCredit("empty", status=403, request_id="r"))
    assert (met.code, met.status, met.request_id) == ("upstream_billing", 403, "r")
    decision = RetryPolicy(max_attempts=1, min_retry_seconds=0).decide(
        met, attempts=5, age_seconds=0
    )
    assert isinstance(decision, RetryAfter)
    assert (decision.attempts, decision.seconds <= 3) == (6, True)


def test_a_text_against_the_policy_ends_its_job_and_nothing_else() -> None:
    """Also where the site has never given a ranking: who reads texts is the endpoint."""
    error = ContentRefused("not this", status=403)
    met = call(error, before=NEVER_RANKED, endpoint="at-this")
    assert (met.error, met.tripped, met.told.trouble) == (error, [], 0)


def test_malformed_answers_to_many_blame_no_job() -> None:
    """What others meet as well is not the job's, however often in a row it met the same."""
    _, (first, *_, last) = refused(
        *map(str, range(9)), ranked_before=(0, 4), error=Malformed("what", status=200)
    )
    assert not first.alone
    assert not last.alone
    past = Past(failed_seconds=9, failing_seconds=9, pattern="p", repeats=4)
    network = Network(a={"m": "site-model"})
    network.permits["a"].gave_ranking()
    network.permits["a"].rankings.malformed.malformed()

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
    """First attempts at jobs of a model that all fail, while the account is open to them."""

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
    """A job of a model that is answered."""

    async def scenario() -> None:
        network.providers["a"].answer = ANSWER
        network.hear("a", permits=1)
        reservation = await network.routes.reserve(asking(model), tokens=1, retry=False)
        async with GuardedCall(network.routes, reservation) as upstream:
            await upstream.ask("job", 1, asking(model))

    asyncio.run(scenario())


def test_model_that_fails_alone_is_closed_and_the_account_is_not() -> None:
    """What fails five times in a row while others are answered is the model: it alone is closed."""
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
def test_model_that_cannot_be_closed_costs_attempts(lack: str) -> None:
    """Without a circuit of its own, its failures are the account's and the job's, as any are."""
    network = Network(a={})
    failing(network, "bad", times=4)
    answered(network, "good")
    setattr(network.breakers, lack, True)
    (met,) = failing(network, "bad", times=1)
    assert type(met) is Transient
    assert network.permits["a"].report(Demand(0, 0)).trouble == 5.0


def test_outage_is_told_of_the_account() -> None:
    """While no other model is answered, each failure is told as the account's, and closes none."""
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
    """At the end of a run only jobs that are never answered may be left, all of them here."""
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
