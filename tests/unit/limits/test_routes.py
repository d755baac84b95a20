"""Which way a job takes: the first that is open and has a permit, and none but its model's."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from rerankq.accounts.circuits import (
    Circuit,
    CircuitState,
    account_circuit,
    key_circuit,
    model_circuit,
)
from rerankq_worker.limits.closures import GATED_SECONDS, MODEL_SECONDS
from rerankq_worker.limits.gates import COURTESY_SECONDS, LOOK_AMONG
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.permits import AHEAD
from rerankq_worker.limits.ways import Way
from rerankq_worker.upstream.errors import Deferred, Refused, TooLarge
from rerankq_worker.upstream.sites import Key
from running.fake_limits import Network, asking, circuit, due_circuit

T = TypeVar("T")

ONE_SITE: dict[str, dict[str, str]] = {"a": {}}
TWO_SITES: dict[str, dict[str, str]] = {"a": {"m": "a/m"}, "b": {"m": "b-m", "other": "o"}}
KEY_A1 = key_circuit("a", Key("a1").id)
KEY_A2 = key_circuit("a", Key("a2").id)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await it, ten seconds at most."""

    async def timed() -> T:
        async with asyncio.timeout(10):
            return await coroutine

    return asyncio.run(timed())


def way(network: Network, model: str = "m", *, retry: bool = False) -> Way:
    """The way of a job that need not wait."""
    return run(network.routes.way(asking(model), tokens=1, retry=retry))


def key(taken: Way) -> str:
    return taken.route.key.authorization


def test_first_route_is_taken() -> None:
    """While all are open, the first key of the first site is used."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=2)
    network.hear("b", permits=2)
    assert [key(way(network)) for _ in range(2)] == ["a1", "a1"]


def test_second_key_is_used_when_the_first_is_closed() -> None:
    """A key that is refused is passed over for the account's next one."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=2, closed={KEY_A1: circuit()})
    assert key(way(network)) == "a2"


def test_next_site_is_used_when_the_first_has_no_permit() -> None:
    """Work flows on to the next site when the first has given all it may."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=1)
    network.hear("b", permits=1)
    assert [key(way(network)) for _ in range(2)] == ["a1", "b1"]


@pytest.mark.parametrize(
    "news",
    [
        {"mode": "broken", "wait_ms": 4000},
        {"mode": "throttled", "wait_ms": 900},
        {"wait_ms": 60_000},
        {"closed": {account_circuit("a"): circuit(CircuitState.PAUSED, every=0.0)}},
        {"closed": {KEY_A1: circuit(), KEY_A2: circuit()}},
        {"closed": {model_circuit("a", "a/m"): circuit()}},
    ],
)
def test_next_site_is_used_when_the_first_is_closed(news: dict[str, Any]) -> None:
    """An outage, a pause, refused keys, a missing model: each sends jobs to the next site."""
    network = Network(**TWO_SITES)
    closed = news.get("closed", {})
    network.hear("a", permits=0 if "wait_ms" in news else 5, **news)
    network.hear("b", permits=1, closed=closed)
    taken = way(network)
    assert (key(taken), taken.model) == ("b1", "b-m")


def test_model_is_named_as_the_site_names_it() -> None:
    """Each site is asked for the model by its own name for it; without names, by the job's."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=1)
    network.hear("b", permits=1)
    assert way(network).model == "a/m"
    assert way(network, "other").model == "o"
    plain = Network(**ONE_SITE)
    plain.hear("a", permits=1)
    assert way(plain, "whatever").model == "whatever"


def test_job_goes_only_where_its_model_is() -> None:
    """A job is never sent to another model, though that one had permits."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=5)
    network.hear("b", permits=0, mode="broken", wait_ms=5000)
    with pytest.raises(Deferred):
        way(network, "other")


def test_unknown_model_is_refused() -> None:
    """A model that no site serves is permanent for the job, and the message names it."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=5)
    with pytest.raises(Refused, match="no site serves the model unheard-of"):
        way(network, "unheard-of")


def test_closed_upstream_sends_jobs_away_for_a_while() -> None:
    """With everything closed a job goes back to the queue, which waits in its place."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5, closed={KEY_A1: circuit(), KEY_A2: circuit()})
    with pytest.raises(Deferred) as caught:
        way(network)
    assert caught.value.seconds == GATED_SECONDS
    assert (caught.value.code, str(caught.value)) == ("upstream_auth", "no")
    assert network.routes.appetite() == 0


MISSING = circuit(code="upstream_model")
MODEL_A, MODEL_B = model_circuit("a", "a/m"), model_circuit("b", "b-m")


@pytest.mark.parametrize(
    ("closed", "ages"),
    [
        pytest.param({MODEL_A: MISSING, MODEL_B: MISSING}, True, id="nobody serves it"),
        pytest.param({MODEL_A: MISSING, MODEL_B: MISSING, KEY_A1: circuit()}, True, id="a key too"),
        pytest.param(
            {MODEL_A: MISSING, MODEL_B: MISSING, account_circuit("a"): circuit()},
            False,
            id="an account too",
        ),
        pytest.param({MODEL_A: MISSING, account_circuit("b"): circuit()}, False, id="at one site"),
        pytest.param({MODEL_A: MISSING, MODEL_B: circuit()}, False, id="it fails"),
        pytest.param(
            {
                MODEL_A: MISSING,
                MODEL_B: circuit(CircuitState.DOUBTED, code="upstream_model"),
            },
            False,
            id="in doubt",
        ),
    ],
)
def test_job_ages_whose_model_nobody_serves(closed: dict[str, Circuit], *, ages: bool) -> None:
    """A wrong name never comes right; all else that keeps a job away is waited for."""
    network = Network(**TWO_SITES)
    for site in "ab":
        network.hear(site, permits=5, closed=closed)
    with pytest.raises(Deferred) as caught:
        way(network)
    assert caught.value.ages is ages


def test_no_job_ages_in_an_outage() -> None:
    """Of an upstream that is out nothing is known of its models."""
    network = Network(**ONE_SITE)
    closed = {model_circuit("a", "m"): MISSING}
    for mode, ages in (("broken", False), ("open", True)):
        network.hear("a", permits=1, mode=mode, closed=closed)
        with pytest.raises(Deferred) as caught:
            way(network)
        assert caught.value.ages is ages


def test_closed_model_sends_its_jobs_away_until_its_probe() -> None:
    """Jobs of a closed model wait for its probe in the ledger; those of others go on."""
    network = Network(**ONE_SITE)
    closed = {
        model_circuit("a", "soon"): circuit(probe_at=1_030_000.0),
        model_circuit("a", "late"): circuit(probe_at=9_000_000.0),
        model_circuit("a", "never"): circuit(every=0.0),
    }
    network.hear("a", permits=5, closed=closed)
    waits = {}
    for name in ("soon", "late", "never"):
        with pytest.raises(Deferred) as caught:
            way(network, name)
        waits[name] = caught.value.seconds
    assert waits == {
        "soon": pytest.approx(30, abs=1),
        "late": MODEL_SECONDS,
        "never": MODEL_SECONDS,
    }
    assert key(way(network, "another")) == "a1"


# Waiting.


def test_waiting_jobs_are_served_in_their_order() -> None:
    """Permits go to those who wait, the first first, as they come."""

    async def scenario() -> list[int]:
        network, served = Network(**ONE_SITE), list[int]()

        async def job(number: int) -> None:
            await network.routes.way(asking(), tokens=1, retry=False)
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


def test_waiting_jobs_are_sent_away_when_all_closes() -> None:
    """Who waits for a permit does not wait for the end of an outage."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        waiting = asyncio.create_task(network.routes.way(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        network.hear("a", mode="broken", wait_ms=5000)
        with pytest.raises(Deferred):
            await waiting
        assert network.routes.demand().calls == 0

    run(scenario())


def test_end_of_a_call_lets_the_next_begin() -> None:
    """A slot that becomes free is taken by whoever waits, without asking Redis."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.permits["a"]._slots = 0  # noqa: SLF001  an account with a limit of calls in flight
        network.hear("a", permits=5, slots=1)
        first = await network.routes.way(asking(), tokens=1, retry=False)
        second = asyncio.create_task(network.routes.way(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        assert not second.done()
        network.routes.release(first)
        await second

    run(scenario())


def test_call_that_is_only_too_soon_begins_by_itself() -> None:
    """Where nothing but the distance to the last call is missing, its time alone is waited for."""

    async def scenario() -> float:
        network = Network(**ONE_SITE)
        network.hear("a", permits=2, rate=20, limited=True)
        began = time.monotonic()
        for _ in range(2):
            await network.routes.way(asking(), tokens=1, retry=False)
        return time.monotonic() - began

    assert run(scenario()) > 0.03


def test_nobody_waits_behind_what_he_does_not_need() -> None:
    """A retry that the budget does not allow any more holds up no first attempt, and no slot."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=0, retries=1)
        retry = asyncio.create_task(network.routes.way(asking(), tokens=1, retry=True))
        await asyncio.sleep(0)
        network.hear("a", permits=3, retries=0)
        with pytest.raises(Deferred, match="too many retries"):
            await retry
        await network.routes.way(asking(), tokens=1, retry=False)

    run(scenario())


def test_cancelled_job_leaves_the_queue() -> None:
    """A job that is given up while it waits takes no permit from the others."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        gone, there = (
            asyncio.create_task(network.routes.way(asking(), tokens=1, retry=False))
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
    """A job that is given up just as its permit comes leaves no call under way behind."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        job = asyncio.create_task(network.routes.way(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        network.hear("a", permits=1)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        assert network.permits["a"].in_flight == 0

    run(scenario())


def test_too_many_retries_wait_in_the_ledger() -> None:
    """Without a budget a retry is sent away; a first attempt is not."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5, retries=0)
    with pytest.raises(Deferred, match="too many retries"):
        way(network, retry=True)
    assert key(way(network)) == "a1"


def test_a_spent_budget_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a "no" is old, a retry waits for the next exchange and brings it about: it may go."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=5, retries=0)
        monkeypatch.setattr("rerankq_worker.limits.permits.BUDGET_SECONDS", 0.0)
        retry = asyncio.create_task(network.routes.way(asking(), tokens=1, retry=True))
        await asyncio.sleep(0)
        assert network.routes.demand().calls == 1
        network.hear("a", permits=5, retries=1)
        await retry

    run(scenario())


def test_retries_beyond_the_budget_are_sent_away_as_it_is_spent() -> None:
    """Of retries that wait for a permit as many go as are allowed; none is left waiting."""

    async def scenario() -> list[bool]:
        network = Network(**ONE_SITE)
        network.hear("a", permits=0, retries=2)
        retries = [
            asyncio.create_task(network.routes.way(asking(), tokens=1, retry=True))
            for _ in range(9)
        ]
        await asyncio.sleep(0)
        network.hear("a", permits=20, retries=2)
        return [
            isinstance(each, Deferred)
            for each in await asyncio.gather(*retries, return_exceptions=True)
        ]

    assert run(scenario()) == [False] * 2 + [True] * 7


# What a site cannot take.


def test_request_goes_where_it_can_be_taken() -> None:
    """A site whose dialect must refuse a request does not serve it, though others are closed."""
    network = Network(**TWO_SITES)
    network.providers["b"].refusal = TooLarge("33 documents are over the 32")
    network.hear("a", mode="broken", wait_ms=4000)
    network.hear("b", permits=1)
    with pytest.raises(Deferred):
        way(network)
    network.hear("a", permits=1)
    assert key(way(network)) == "a1"


def test_request_that_no_site_can_take_is_refused_without_a_permit() -> None:
    """What every dialect refuses is refused with the first one's words; nothing is used up."""
    network = Network(**ONE_SITE)
    network.providers["a"].refusal = TooLarge("33 documents are over the 32")
    closed = {KEY_A1: due_circuit(), KEY_A2: due_circuit()}
    network.hear("a", permits=1, closed=closed)
    with pytest.raises(TooLarge, match="over the 32"):
        way(network)
    assert network.circuits.probed == []
    assert network.permits["a"].ready


# Probes.


def test_due_probe_takes_a_turn() -> None:
    """The call by which a parked key is tried again has the turn, and says what it may open."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5, closed={KEY_A1: due_circuit(), KEY_A2: circuit()})
    taken = way(network)
    assert (key(taken), taken.turns) == ("a1", (KEY_A1,))
    assert network.circuits.probed == [KEY_A1]


def test_turn_of_another_worker_is_left_to_it() -> None:
    """When another worker probes, the job is sent away as before, and no second turn is used."""
    network = Network(**ONE_SITE)
    network.circuits.refused = {KEY_A1}  # another worker's
    closed = {
        KEY_A1: due_circuit(),
        KEY_A2: circuit(),
        model_circuit("a", "m"): due_circuit(),
    }
    network.hear("a", permits=5, closed=closed)
    with pytest.raises(Deferred):
        way(network)
    assert network.circuits.probed == []
    assert network.permits["a"].in_flight == 0
    assert network.permits["a"].report(Demand(0, 0)).left == 5


def test_retry_without_a_budget_takes_no_turn() -> None:
    """The turn of a probe is not used up by who may not make the call."""
    network = Network(**TWO_SITES)
    closed = {KEY_A1: due_circuit(), KEY_A2: circuit()}
    network.hear("b", permits=1, retries=1, closed=closed)
    network.hear("a", permits=1, retries=0, closed=closed)
    assert key(way(network, retry=True)) == "b1"
    assert network.circuits.probed == []


def test_turn_is_taken_once() -> None:
    """Until news come no other job is claimed for the probe that is under way."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=9, closed={KEY_A1: due_circuit(), KEY_A2: circuit()})
    assert network.routes.appetite() == 1
    assert way(network).turns == (KEY_A1,)
    assert network.routes.appetite() == 0
    with pytest.raises(Deferred):
        way(network)
    assert network.circuits.probed == [KEY_A1]


def test_turn_of_another_is_not_asked_for_again() -> None:
    """A worker that is told that the turn is another's takes no job in hand for it."""
    network = Network(**ONE_SITE)
    network.circuits.refused = {KEY_A1}  # another worker's
    network.hear("a", permits=9, closed={KEY_A1: due_circuit(), KEY_A2: circuit()})
    with pytest.raises(Deferred):
        way(network)
    assert network.routes.appetite() == 0


def test_probe_waits_for_a_permit() -> None:
    """No job is taken in hand for a probe that no permit is there for: one is asked for first."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=0, closed={KEY_A1: due_circuit(), KEY_A2: circuit()})
    assert network.routes.appetite() == 0


def test_job_cancelled_while_it_asks_for_the_turn_leaves_no_call_behind() -> None:
    """A permit taken for a probe that is given up goes back."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.hear("a", permits=1, closed={KEY_A1: due_circuit(), KEY_A2: circuit()})
        network.circuits.holds = asyncio.Event()
        job = asyncio.create_task(network.routes.way(asking(), tokens=1, retry=False))
        await asyncio.sleep(0)
        assert network.permits["a"].in_flight == 1
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        assert network.permits["a"].in_flight == 0
        assert network.permits["a"].ready

    run(scenario())


def test_paused_account_is_not_probed() -> None:
    """What an operator closed stays closed, though its key's probe is due."""
    network = Network(**ONE_SITE)
    paused = circuit(CircuitState.PAUSED, every=0.0)
    network.hear("a", permits=5, closed={account_circuit("a"): paused, KEY_A1: due_circuit()})
    with pytest.raises(Deferred):
        way(network)
    assert network.circuits.probed == []
    assert network.routes.appetite() == 0


def test_probe_without_redis_is_no_fault_of_the_job() -> None:
    """When the turn cannot be asked for, the job goes another way, or waits."""
    network = Network(**ONE_SITE)
    network.circuits.away = True
    network.hear("a", permits=5, closed={KEY_A1: due_circuit()})
    assert key(way(network)) == "a2"
    network.hear("a", permits=5, closed={KEY_A1: due_circuit(), KEY_A2: due_circuit()})
    with pytest.raises(Deferred):
        way(network)


def test_probe_of_an_account_is_one_call() -> None:
    """An account that is out gives one permit, which one job uses; the next is sent away."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=1, probe=True, mode="broken", wait_ms=5000)
    assert network.routes.appetite() == 1
    assert way(network).permit.probe
    with pytest.raises(Deferred):
        way(network)


def test_probe_is_left_to_a_job_of_another_model() -> None:
    """Of the jobs in hand one whose model did not fail last probes; the others go back."""

    async def scenario() -> None:
        network = Network(**ONE_SITE)
        network.routes.gates.culprits.failed("a", "bad", 1.0)
        network.hear("a", permits=1, probe=True, mode="broken", wait_ms=5000)
        assert network.routes.appetite() == LOOK_AMONG
        bad = asyncio.create_task(network.routes.way(asking("bad"), tokens=1, retry=False))
        await asyncio.sleep(0)
        taken = await network.routes.way(asking("good"), tokens=1, retry=False)
        assert taken.permit.probe
        with pytest.raises(Deferred) as caught:
            await bad
        assert caught.value.seconds == GATED_SECONDS

    run(scenario())


@pytest.mark.parametrize(("closed_for", "seconds"), [(0.5, 1.0), (20, 20.0), (9999, 60.0)])
def test_jobs_that_were_looked_through_make_room(closed_for: float, seconds: float) -> None:
    """Jobs of the failing model stay away as long as the account was closed, a minute at most."""
    network = Network(**ONE_SITE)
    network.routes.gates.culprits.failed("a", "bad", 1.0)
    since = 1_000_000 - closed_for * 1000
    network.hear("a", mode="broken", wait_ms=5000, now=1_000_000, since=since)
    waits = {}
    for model in ("bad", "good"):
        with pytest.raises(Deferred) as caught:
            way(network, model)
        waits[model] = caught.value.seconds
    assert waits == {"bad": seconds, "good": GATED_SECONDS}


def test_probe_is_not_left_for_long() -> None:
    """Where there is no job of another model, as in an outage of the only one, it probes itself."""
    network = Network(**ONE_SITE)
    network.routes.gates.culprits.failed("a", "bad", 1.0)
    network.hear("a", permits=1, probe=True, mode="broken", wait_ms=5000)
    began = time.monotonic()
    assert way(network, "bad").permit.probe
    assert COURTESY_SECONDS <= time.monotonic() - began < 5


def test_doubt_is_cleared_by_any_good_answer() -> None:
    """What is only doubted is cleared by a good answer; what is parked, by its probe alone."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=5)
    taken = way(network)
    assert network.routes.gates.cleared(taken, ranked=True) == ()
    network.hear("a", closed={KEY_A1: circuit(CircuitState.DOUBTED), KEY_A2: circuit()})
    assert network.routes.gates.cleared(taken, ranked=True) == (KEY_A1,)
    network.hear("a", closed={KEY_A1: circuit()})
    assert network.routes.gates.cleared(taken, ranked=True) == ()


# How many jobs in hand.


def test_appetite_is_that_of_all_open_accounts() -> None:
    """Jobs are taken in hand for what all accounts together give; closed ones give nothing."""
    network = Network(**TWO_SITES)
    for made in network.permits.values():
        made.report(Demand(9, 0))
    network.hear("a", permits=3)
    network.hear("b", permits=2)
    assert network.routes.appetite() == 2 * (3 + 2) + 2 * AHEAD
    network.hear("b", mode="broken", wait_ms=5000)
    assert network.routes.appetite() == 2 * 3 + AHEAD


def test_account_that_gives_all_makes_appetite_boundless() -> None:
    """Where one account gives whatever is wanted, there is no bound."""
    network = Network(**TWO_SITES)
    network.hear("a", permits=3)
    network.permits["b"].report(Demand(9, 0))
    network.hear("b")
    assert network.routes.appetite() is None


def test_due_probe_is_an_appetite_for_one() -> None:
    """With everything closed one job is taken in hand when a probe is due, and none before."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=1, closed={KEY_A1: circuit(), KEY_A2: circuit()})
    assert network.routes.appetite() == 0
    network.hear("a", permits=1, closed={KEY_A1: due_circuit(), KEY_A2: circuit()})
    assert network.routes.appetite() == 1


def test_hunger_asks_for_permits() -> None:
    """With nothing waiting but work to be had, a permit is asked for; without, none is."""
    network, wanted = Network(**ONE_SITE), list[int]()
    network.permits["a"].wanted = lambda: wanted.append(1)
    assert network.routes.demand().calls == 0
    network.routes.hunger(is_felt=True)
    assert (network.routes.demand().calls, wanted) == (1, [1])
    network.routes.hunger(is_felt=False)
    assert network.routes.demand().calls == 0


def test_news_of_an_account_stirs_the_worker() -> None:
    """Whoever waits for room looks again whenever an account was heard of."""
    network = Network(**ONE_SITE)
    network.hear("a", permits=1)
    assert network.changes == 1


# Who has a call slot, and whose jobs fill the worker's hands.


def scarce(network: Network, site: str, **fields: Any) -> None:
    """An account that gives one permit where more are wanted: two calls a second, no more."""
    network.permits[site].report(Demand(50, 50))
    network.hear(site, **({"permits": 1, "rate": 2.0, "limited": True} | fields))


def test_who_waits_for_a_permit_keeps_no_slot() -> None:
    """A job that waits for a permit leaves the free slot to one that need not."""

    async def scenario() -> None:
        network = Network(1, a={"x": "x"}, b={"y": "y"})
        waiting = asyncio.create_task(network.routes.way(asking("x"), tokens=1, retry=False))
        await asyncio.sleep(0)
        network.hear("b", permits=1)
        way = await network.routes.way(asking("y"), tokens=1, retry=False)
        assert way.route.site.name == "b"
        network.hear("a", permits=1)
        await asyncio.sleep(0)
        assert not waiting.done(), "the slot is taken"
        network.routes.release(way)
        assert (await waiting).route.site.name == "a"

    asyncio.run(scenario())


def test_an_account_at_its_limit_leaves_room_for_the_jobs_of_others() -> None:
    """Jobs beyond what it could use soon are sent back, each with a later turn than the last."""

    async def scenario() -> None:
        network = Network(a={"x": "x"}, b={"y": "y"})
        scarce(network, "a", permits=0)
        network.hear("b", permits=1)
        asked = [
            asyncio.create_task(network.routes.way(asking("x"), tokens=1, retry=False))
            for _ in range(100)
        ]
        await asyncio.sleep(0)
        back = [each.exception() for each in asked if each.done()]
        assert len(asked) - len(back) == AHEAD
        seconds = [each.seconds for each in back if isinstance(each, Deferred)]
        assert len(seconds) == len(back)
        assert seconds == sorted(seconds)
        assert AHEAD / 2 <= seconds[0] < seconds[-1] == pytest.approx(len(asked) / 2, abs=1)
        way = await network.routes.way(asking("y"), tokens=1, retry=False)
        assert way.route.site.name == "b"
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(scenario())


@pytest.mark.parametrize("other_open", [True, False])
def test_only_where_others_could_be_served_is_a_job_sent_back(*, other_open: bool) -> None:
    """Where no other account would take a job, those in hand keep their places."""

    async def scenario() -> None:
        network = Network(a={"x": "x"}, b={"y": "y"})
        scarce(network, "a", permits=0)
        mode = {"permits": 1} if other_open else {"mode": "broken", "wait_ms": 5000}
        network.hear("b", **mode)
        asked = [
            asyncio.create_task(network.routes.way(asking("x"), tokens=1, retry=False))
            for _ in range(30)
        ]
        await asyncio.sleep(0)
        assert any(each.done() for each in asked) is other_open
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(scenario())
