"""Which route a job takes: the first usable one with a permit, only where its model is served."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from rerankq.accounts.breakers import (
    BreakerState,
    TrippedBreaker,
    account_breaker,
    key_breaker,
    model_breaker,
)
from rerankq_worker.limits.breaker_view import MODEL_SECONDS, OPEN_BREAKER_SECONDS
from rerankq_worker.limits.breakers import COURTESY_SECONDS, LOOK_AMONG
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.permits import AHEAD
from rerankq_worker.limits.route import Reservation
from rerankq_worker.upstream.errors import Deferred, Refused, TooLarge
from rerankq_worker.upstream.sites import Key
from running.fake_limits import Network, asking, breaker, due_breaker

T = TypeVar("T")

ONE_SITE: dict[str, dict[str, str]] = {"a": {}}
TWO_SITES: dict[str, dict[str, str]] = {"a": {"m": "a/m"}, "b": {"m": "b-m", "other": "o"}}
KEY_A1 = key_breaker("a", Key("a1").id)
KEY_A2 = key_breaker("a", Key("a2").id)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine, for ten seconds at most."""

    async def timed() -> T:
        async with asyncio.timeout(10):
            return await coroutine

    return asyncio.run(timed())


def reservation(network: Network, model: str = "m", *, retry: bool = False) -> Reservation:
    """The reservation of a job that need not wait."""
    return run(network.routes.reserve(asking(model), tokens=1, retry=retry))


def key(taken: Reservation) -> str:
    return taken.route.key.authorization


def test_first_route_is_taken() -> None:
    """While all routes are usable, the first key of the first site is used."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=2)
    network.hear("b", permits=2)
    assert [key(reservation(network)) for _ in range(2)] == ["a1", "a1"]


def test_second_key_is_used_when_the_first_is_out_of_use() -> None:
    """If a key's breaker is open, the account's next key is used."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=2, tripped={KEY_A1: breaker()})
    assert key(reservation(network)) == "a2"


def test_next_site_is_used_when_the_first_has_no_permit() -> None:
    """When the first site has no permits left, jobs go to the next one."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=1)
    network.hear("b", permits=1)
    assert [key(reservation(network)) for _ in range(2)] == ["a1", "b1"]


@pytest.mark.parametrize(
    "news",
    [
        {"mode": "broken", "wait_ms": 4000},
        {"mode": "throttled", "wait_ms": 900},
        {"wait_ms": 60_000},
        {"tripped": {account_breaker("a"): breaker(BreakerState.PAUSED, every=0.0)}},
        {"tripped": {KEY_A1: breaker(), KEY_A2: breaker()}},
        {"tripped": {model_breaker("a", "a/m"): breaker()}},
    ],
)
def test_next_site_is_used_when_the_first_is_out_of_use(news: dict[str, Any]) -> None:
    """An outage, a pause, refused keys, a missing model: each sends jobs to the next site."""
    network = Network(**TWO_SITES)
    tripped = news.get("tripped", {})
    network.hear("a", permits=0 if "wait_ms" in news else 5, **news)
    network.hear("b", permits=1, tripped=tripped)
    taken = reservation(network)
    assert (key(taken), taken.model) == ("b1", "b-m")


def test_model_is_named_as_the_site_names_it() -> None:
    """Each site gets its own name for the model; a site without names gets the job's."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=1)
    network.hear("b", permits=1)
    assert reservation(network).model == "a/m"
    assert reservation(network, "other").model == "o"
    plain = Network(**ONE_SITE)
    plain.hear("a", permits=1)
    assert reservation(plain, "whatever").model == "whatever"


def test_job_goes_only_where_its_model_is() -> None:
    """A job is never sent to another model, even if that one has permits."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=5)
    network.hear("b", permits=0, mode="broken", wait_ms=5000)
    with pytest.raises(Deferred):
        reservation(network, "other")


def test_unknown_model_is_refused() -> None:
    """A model that no site serves is permanent for the job, and the message names it."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=5)
    with pytest.raises(Refused, match="no site serves the model unheard-of"):
        reservation(network, "unheard-of")


def test_without_a_usable_route_jobs_go_back_for_a_while() -> None:
    """If no route is usable, a job goes back to the ledger, and no more jobs are claimed."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5, tripped={KEY_A1: breaker(), KEY_A2: breaker()})
    with pytest.raises(Deferred) as caught:
        reservation(network)
    assert caught.value.seconds == OPEN_BREAKER_SECONDS
    assert (caught.value.code, str(caught.value)) == ("upstream_auth", "no")
    assert network.routes.capacity() == 0


MISSING = breaker(code="upstream_model")
MODEL_A, MODEL_B = model_breaker("a", "a/m"), model_breaker("b", "b-m")


@pytest.mark.parametrize(
    ("tripped", "ages"),
    [
        pytest.param({MODEL_A: MISSING, MODEL_B: MISSING}, True, id="nobody serves it"),
        pytest.param({MODEL_A: MISSING, MODEL_B: MISSING, KEY_A1: breaker()}, True, id="a key too"),
        pytest.param(
            {MODEL_A: MISSING, MODEL_B: MISSING, account_breaker("a"): breaker()},
            False,
            id="an account too",
        ),
        pytest.param({MODEL_A: MISSING, account_breaker("b"): breaker()}, False, id="at one site"),
        pytest.param({MODEL_A: MISSING, MODEL_B: breaker()}, False, id="it fails"),
        pytest.param(
            {
                MODEL_A: MISSING,
                MODEL_B: breaker(BreakerState.DOUBTED, code="upstream_model"),
            },
            False,
            id="in doubt",
        ),
    ],
)
def test_job_ages_whose_model_nobody_serves(
    tripped: dict[str, TrippedBreaker], *, ages: bool
) -> None:
    """A job ages only if every site says that the model is missing, and nothing else blocks it."""
    network = Network(**TWO_SITES)
    for site in "ab":
        network.hear(site, permits=5, tripped=tripped)
    with pytest.raises(Deferred) as caught:
        reservation(network)
    assert caught.value.ages is ages


def test_no_job_ages_in_an_outage() -> None:
    """While the whole upstream is out, nobody can tell that a model is missing."""
    network = Network(**ONE_SITE)
    tripped = {model_breaker("a", "m"): MISSING}
    for mode, ages in (("broken", False), ("open", True)):
        network.hear("a", permits=1, mode=mode, tripped=tripped)
        with pytest.raises(Deferred) as caught:
            reservation(network)
        assert caught.value.ages is ages


def test_jobs_of_a_tripped_model_stay_away_until_its_probe() -> None:
    """Jobs of a model whose breaker is open wait for its probe in the ledger; others go on."""
    network = Network(**ONE_SITE)
    tripped = {
        model_breaker("a", "soon"): breaker(probe_at=1_030_000.0),
        model_breaker("a", "late"): breaker(probe_at=9_000_000.0),
        model_breaker("a", "never"): breaker(every=0.0),
    }
    network.hear("a", permits=5, tripped=tripped)
    waits = {}
    for name in ("soon", "late", "never"):
        with pytest.raises(Deferred) as caught:
            reservation(network, name)
        waits[name] = caught.value.seconds
    assert waits == {
        "soon": pytest.approx(30, abs=1),
        "late": MODEL_SECONDS,
        "never": MODEL_SECONDS,
    }
    assert key(reservation(network, "another")) == "a1"


# Waiting.


def test_waiting_jobs_are_served_in_their_order() -> None:
    """Permits go to waiting jobs in the order in which they came."""

    async def scenario() -> list[int]:
        network, served = Network(**ONE_SITE), list[int]()

        async def job(number: int) -> None:
            await network.routes.reserve(asking(), tokens=1, retry=False)
            served.append(number)

        jobs = [asyncio.create_task(job(number)) for number in range(4)]
        await asyncio.sleep(0)
        assert network.routes.demand().calls == 4
        for _ in range(4):
            network.hear("a", permits=1)
            await asyncio.sleep(0)
        await asyncio.gather(*jobs)
        return served

    assert run(scenario()) == [0, 1, 2, 3]


def test_waiting_jobs_go_back_when_an_outage_begins() -> None:
    """A job that waits for a permit does not wait here for the end of an outage."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        waiting = asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        network.hear("a", mode="broken", wait_ms=5000)
        with pytest.raises(Deferred):
            await waiting
        assert network.routes.demand().calls == 0

    run(scenario())


def test_end_of_a_call_lets_the_next_begin() -> None:
    """A slot that becomes free goes to the next waiting job, without asking Redis."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=5, slots=1)
        first = await network.routes.reserve(asking(), tokens=1, retry=False)
        second = asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        assert not second.done()
        network.routes.release(first)
        await second

    run(scenario())


def test_call_that_is_only_too_soon_begins_by_itself() -> None:
    """If only the distance to the last call is missing, the next call begins after that time."""

    async def scenario() -> float:
        network = Network(**ONE_SITE)
        network.hear("a", permits=2, rate=20, limited=True)
        began = time.monotonic()
        for _ in range(2):
            await network.routes.reserve(asking(), tokens=1, retry=False)
        return time.monotonic() - began

    assert run(scenario()) > 0.03


def test_no_job_waits_behind_a_retry_without_a_budget() -> None:
    """A retry beyond the budget keeps no first attempt waiting, and takes no slot."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=0, retries=1)
        retry = asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=True))
        await asyncio.sleep(0)
        network.hear("a", permits=3, retries=0)
        with pytest.raises(Deferred, match="too many retries"):
            await retry
        await network.routes.reserve(asking(), tokens=1, retry=False)

    run(scenario())


def test_cancelled_job_leaves_the_queue() -> None:
    """A job that is cancelled while it waits takes no permit."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        gone, there = (
            asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=False))
            for _ in range(2)
        )
        await asyncio.sleep(0)
        gone.cancel()
        network.hear("a", permits=1)
        await there
        assert network.permits["a"].in_flight == 1
        assert network.routes.demand().calls == 0

    run(scenario())


def test_job_cancelled_with_its_permit_counts_as_ended() -> None:
    """A job that is cancelled just as its permit comes does not count as in flight."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        job = asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        network.hear("a", permits=1)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        assert network.permits["a"].in_flight == 0

    run(scenario())


def test_too_many_retries_wait_in_the_ledger() -> None:
    """Without a budget a retry goes back; a first attempt does not."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5, retries=0)
    with pytest.raises(Deferred, match="too many retries"):
        reservation(network, retry=True)
    assert key(reservation(network)) == "a1"


def test_a_spent_budget_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the known budget is too old, a retry waits, which causes the next exchange."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=5, retries=0)
        monkeypatch.setattr("rerankq_worker.limits.account_status.BUDGET_SECONDS", 0.0)
        retry = asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=True))
        await asyncio.sleep(0)
        assert network.routes.demand().calls == 1
        network.hear("a", permits=5, retries=1)
        await retry

    run(scenario())


def test_retries_beyond_the_budget_go_back() -> None:
    """Of the waiting retries as many go as the budget allows; the others go back."""

    async def scenario() -> list[bool]:
        network = Network(**ONE_SITE)
        network.hear("a", permits=0, retries=2)
        retries = [
            asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=True))
            for _ in range(9)
        ]
        await asyncio.sleep(0)
        network.hear("a", permits=20, retries=2)
        return [
            isinstance(each, Deferred)
            for each in await asyncio.gather(*retries, return_exceptions=True)
        ]

    assert run(scenario()) == [False] * 2 + [True] * 7


# Requests that a site cannot take.


def test_request_goes_where_it_can_be_taken() -> None:
    """A site whose dialect refuses a request is not used, even if no other site is usable."""
    network = Network(**TWO_SITES)
    network.providers["b"].refusal = TooLarge("33 documents are over the 32")
    network.hear("a", mode="broken", wait_ms=4000)
    network.hear("b", permits=1)
    with pytest.raises(Deferred):
        reservation(network)
    network.hear("a", permits=1)
    assert key(reservation(network)) == "a1"


def test_request_that_no_site_can_take_is_refused_without_a_permit() -> None:
    """If every dialect refuses, the first one's refusal is raised, and no permit is used."""
    network = Network(**ONE_SITE)
    network.providers["a"].refusal = TooLarge("33 documents are over the 32")
    tripped = {KEY_A1: due_breaker(), KEY_A2: due_breaker()}
    network.hear("a", permits=1, tripped=tripped)
    with pytest.raises(TooLarge, match="over the 32"):
        reservation(network)
    assert network.breakers.probed == []
    assert network.permits["a"].ready


# Probes.


def test_due_probe_takes_a_turn() -> None:
    """The call that probes a parked key has the turn, and names the breakers that it may close."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5, tripped={KEY_A1: due_breaker(), KEY_A2: breaker()})
    taken = reservation(network)
    assert (key(taken), taken.turns) == ("a1", (KEY_A1,))
    assert network.breakers.probed == [KEY_A1]


def test_turn_of_another_worker_is_left_to_it() -> None:
    """If another worker has the turn, the job goes back, and no other turn is used up."""
    network = Network(**ONE_SITE)
    network.breakers.refused = {KEY_A1}  # another worker's
    tripped = {
        KEY_A1: due_breaker(),
        KEY_A2: breaker(),
        model_breaker("a", "m"): due_breaker(),
    }
    network.hear("a", permits=5, tripped=tripped)
    with pytest.raises(Deferred):
        reservation(network)
    assert network.breakers.probed == []
    assert network.permits["a"].in_flight == 0
    assert network.permits["a"].report(Demand(0, 0)).left == 5


def test_retry_without_a_budget_takes_no_turn() -> None:
    """A retry beyond the budget, which may make no call, uses up no turn."""
    network = Network(**TWO_SITES)
    tripped = {KEY_A1: due_breaker(), KEY_A2: breaker()}
    network.hear("b", permits=1, retries=1, tripped=tripped)
    network.hear("a", permits=1, retries=0, tripped=tripped)
    assert key(reservation(network, retry=True)) == "b1"
    assert network.breakers.probed == []


def test_turn_is_taken_once() -> None:
    """While a probe is in flight, no other job is claimed for it before the next exchange."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=9, tripped={KEY_A1: due_breaker(), KEY_A2: breaker()})
    assert network.routes.capacity() == 1
    assert reservation(network).turns == (KEY_A1,)
    assert network.routes.capacity() == 0
    with pytest.raises(Deferred):
        reservation(network)
    assert network.breakers.probed == [KEY_A1]


def test_turn_of_another_is_not_asked_for_again() -> None:
    """If another worker has the turn, no more jobs are claimed for this probe."""
    network = Network(**ONE_SITE)
    network.breakers.refused = {KEY_A1}  # another worker's
    network.hear("a", permits=9, tripped={KEY_A1: due_breaker(), KEY_A2: breaker()})
    with pytest.raises(Deferred):
        reservation(network)
    assert network.routes.capacity() == 0


def test_probe_waits_for_a_permit() -> None:
    """No job is claimed for a probe without a permit: the permit is asked for first."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=0, tripped={KEY_A1: due_breaker(), KEY_A2: breaker()})
    assert network.routes.capacity() == 0


def test_job_cancelled_while_it_asks_for_the_turn_leaves_no_call_behind() -> None:
    """The permit of a cancelled probe is put back."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=1, tripped={KEY_A1: due_breaker(), KEY_A2: breaker()})
        network.breakers.holds = asyncio.Event()
        job = asyncio.create_task(network.routes.reserve(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        assert network.permits["a"].in_flight == 1
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        assert network.permits["a"].in_flight == 0
        assert network.permits["a"].ready

    run(scenario())


def test_paused_account_is_not_probed() -> None:
    """An account that an operator paused stays out of use, even if its key's probe is due."""
    network = Network(**ONE_SITE)
    paused = breaker(BreakerState.PAUSED, every=0.0)
    network.hear("a", permits=5, tripped={account_breaker("a"): paused, KEY_A1: due_breaker()})
    with pytest.raises(Deferred):
        reservation(network)
    assert network.breakers.probed == []
    assert network.routes.capacity() == 0


def test_probe_without_redis_is_no_fault_of_the_job() -> None:
    """If Redis cannot be asked for the turn, the job takes another route, or waits."""
    network = Network(**ONE_SITE)
    network.breakers.away = True
    network.hear("a", permits=5, tripped={KEY_A1: due_breaker()})
    assert key(reservation(network)) == "a2"
    network.hear("a", permits=5, tripped={KEY_A1: due_breaker(), KEY_A2: due_breaker()})
    with pytest.raises(Deferred):
        reservation(network)


def test_probe_of_an_account_is_one_call() -> None:
    """An account that is out gives one permit, for one job; the next job goes back."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=1, probe=True, mode="broken", wait_ms=5000)
    assert network.routes.capacity() == 1
    assert reservation(network).permit.probe
    with pytest.raises(Deferred):
        reservation(network)


def test_probe_is_left_to_a_job_of_another_model() -> None:
    """A job whose model did not fail lately makes the probe; the others go back."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.routes.breakers.outliers.failed("a", "bad", 1.0)
        network.hear("a", permits=1, probe=True, mode="broken", wait_ms=5000)
        assert network.routes.capacity() == LOOK_AMONG
        bad = asyncio.create_task(network.routes.reserve(asking("bad"), tokens=1, retry=False))
        await asyncio.sleep(0)
        taken = await network.routes.reserve(asking("good"), tokens=1, retry=False)
        assert taken.permit.probe
        with pytest.raises(Deferred) as caught:
            await bad
        assert caught.value.seconds == OPEN_BREAKER_SECONDS

    run(scenario())


@pytest.mark.parametrize(("out_for", "seconds"), [(0.5, 1.0), (20, 20.0), (9999, 60.0)])
def test_jobs_of_a_failing_model_stay_away_as_long_as_the_outage(
    out_for: float, seconds: float
) -> None:
    """Jobs of the failing model stay away as long as the account was out, a minute at most."""
    network = Network(**ONE_SITE)
    network.routes.breakers.outliers.failed("a", "bad", 1.0)
    since = 1_000_000 - out_for * 1000
    network.hear("a", mode="broken", wait_ms=5000, now=1_000_000, since=since)
    waits = {}
    for model in ("bad", "good"):
        with pytest.raises(Deferred) as caught:
            reservation(network, model)
        waits[model] = caught.value.seconds
    assert waits == {"bad": seconds, "good": OPEN_BREAKER_SECONDS}


def test_probe_is_not_left_for_long() -> None:
    """If no job of another model comes, the job of the failing model makes the probe itself."""
    network = Network(**ONE_SITE)
    network.routes.breakers.outliers.failed("a", "bad", 1.0)
    network.hear("a", permits=1, probe=True, mode="broken", wait_ms=5000)
    began = time.monotonic()
    assert reservation(network, "bad").permit.probe
    assert COURTESY_SECONDS <= time.monotonic() - began < 5


def test_doubt_is_cleared_by_any_good_answer() -> None:
    """A good answer closes a breaker that is doubted; a parked one only by its probe."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5)
    taken = reservation(network)
    assert network.routes.breakers.cleared(taken, ranked=True) == ()
    network.hear("a", tripped={KEY_A1: breaker(BreakerState.DOUBTED), KEY_A2: breaker()})
    assert network.routes.breakers.cleared(taken, ranked=True) == (KEY_A1,)
    network.hear("a", tripped={KEY_A1: breaker()})
    assert network.routes.breakers.cleared(taken, ranked=True) == ()


# How many jobs to hold.


def test_capacity_is_that_of_all_usable_accounts() -> None:
    """Jobs are claimed for what all usable accounts give together."""
    network = Network(**TWO_SITES)
    for made in network.permits.values():
        made.report(Demand(9, 0))
    network.hear("a", permits=3)
    network.hear("b", permits=2)
    assert network.routes.capacity() == 2 * (3 + 2) + 2 * AHEAD
    network.hear("b", mode="broken", wait_ms=5000)
    assert network.routes.capacity() == 2 * 3 + AHEAD


def test_account_that_gives_all_makes_capacity_boundless() -> None:
    """If one account gives whatever is wanted, there is no bound."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=3)
    network.permits["b"].report(Demand(9, 0))
    network.hear("b")
    assert network.routes.capacity() is None


def test_due_probe_makes_capacity_for_one() -> None:
    """If no route is usable, one job is claimed when a probe is due, and none before."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=1, tripped={KEY_A1: breaker(), KEY_A2: breaker()})
    assert network.routes.capacity() == 0
    network.hear("a", permits=1, tripped={KEY_A1: due_breaker(), KEY_A2: breaker()})
    assert network.routes.capacity() == 1


def test_demand_asks_for_permits() -> None:
    """If no job waits here but jobs wait in the queue, a permit is asked for; else none."""
    network, wanted = Network(**ONE_SITE), list[int]()
    network.permits["a"].reports.ask_soon = lambda: wanted.append(1)
    assert network.routes.demand().calls == 0
    network.routes.report_demand(exists=True)
    assert (network.routes.demand().calls, wanted) == (1, [1])
    network.routes.report_demand(exists=False)
    assert network.routes.demand().calls == 0


def test_news_of_an_account_notifies_the_worker() -> None:
    """After each exchange the worker checks again how many jobs it may claim."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=1)
    assert network.changes == 1


# Who gets a call slot, and which jobs the worker holds.


def scarce(network: Network, site: str, **fields: Any) -> None:
    """Let an account give one permit although more are wanted: two calls a second."""
    network.permits[site].report(Demand(50, 50))
    network.hear(site, **({"permits": 1, "rate": 2.0, "limited": True} | fields))


def test_a_job_that_waits_for_a_permit_keeps_no_slot() -> None:
    """A job that waits for a permit leaves the free slot to a job that need not wait."""

    async def scenario() -> None:
        network = Network(1, a={"x": "x"}, b={"y": "y"})
        waiting = asyncio.create_task(network.routes.reserve(asking("x"), tokens=1, retry=False))
        await asyncio.sleep(0)
        network.hear("b", permits=1)
        reservation = await network.routes.reserve(asking("y"), tokens=1, retry=False)
        assert reservation.route.site.name == "b"
        network.hear("a", permits=1)
        await asyncio.sleep(0)
        assert not waiting.done(), "the slot is taken"
        network.routes.release(reservation)
        assert (await waiting).route.site.name == "a"

    asyncio.run(scenario())


def test_jobs_of_an_account_at_its_limit_go_back() -> None:
    """Jobs beyond what the account can serve soon go back, each with a later turn than the last."""

    async def scenario() -> None:
        network = Network(a={"x": "x"}, b={"y": "y"})
        scarce(network, "a", permits=0)
        network.hear("b", permits=1)
        asked = [
            asyncio.create_task(network.routes.reserve(asking("x"), tokens=1, retry=False))
            for _ in range(100)
        ]
        await asyncio.sleep(0)
        back = [each.exception() for each in asked if each.done()]
        assert len(asked) - len(back) == AHEAD
        seconds = [each.seconds for each in back if isinstance(each, Deferred)]
        assert len(seconds) == len(back)
        assert seconds == sorted(seconds)
        assert AHEAD / 2 <= seconds[0] < seconds[-1] == pytest.approx(len(asked) / 2, abs=1)
        reservation = await network.routes.reserve(asking("y"), tokens=1, retry=False)
        assert reservation.route.site.name == "b"
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(scenario())


@pytest.mark.parametrize("other_usable", [True, False])
def test_a_job_goes_back_only_if_others_could_be_served(*, other_usable: bool) -> None:
    """If no other account could serve jobs, waiting jobs stay here."""

    async def scenario() -> None:
        network = Network(a={"x": "x"}, b={"y": "y"})
        scarce(network, "a", permits=0)
        mode = {"permits": 1} if other_usable else {"mode": "broken", "wait_ms": 5000}
        network.hear("b", **mode)
        asked = [
            asyncio.create_task(network.routes.reserve(asking("x"), tokens=1, retry=False))
            for _ in range(30)
        ]
        await asyncio.sleep(0)
        assert any(each.done() for each in asked) is other_usable
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(scenario())
