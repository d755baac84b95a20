"""When a worker counts as cut off, and when it works again."""

import asyncio

import pytest

from rerankq.events import Events, WorkerIsolated, WorkerReconnected
from rerankq_worker.limits import isolation, reach
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.reach import Reach
from rerankq_worker.upstream.errors import (
    Cause,
    Deferred,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)
from running.fake_limits import ANSWER, Network, asking
from running.heard import heard

LOST = Unreachable("no way", cause=Cause.DNS)


async def lost(network: Network, *, times: int) -> list[UpstreamError]:
    """Make calls that get no connection."""
    network.providers["a"].answer = LOST
    met = []
    for _ in range(times):
        network.hear("a", permits=1)
        reservation = await network.routes.reserve(asking(), tokens=1, retry=False)
        async with GuardedCall(network.routes, reservation) as upstream:
            with pytest.raises(UpstreamError) as caught:
                await upstream.ask("job", 1, asking())
        met.append(caught.value)
    return met


async def cut_off(network: Network) -> None:
    await lost(network, times=3)
    network.hear("a", alone=True)
    assert network.permits["a"].cut_off == "dns"


def test_a_worker_that_is_cut_off_takes_nothing() -> None:
    """It claims no jobs and wants no permits, and gives its waiting jobs back at once."""

    async def scenario() -> None:
        network = Network(a={})
        waiting = asyncio.create_task(_wait(network))
        await asyncio.sleep(0)
        network.hear("a")
        await cut_off_while_waiting(network)
        with pytest.raises(Deferred) as caught:
            await waiting
        assert caught.value.seconds == 0
        assert network.routes.capacity() == 0
        told = network.permits["a"].report(Demand(5, 50))
        assert (told.want, told.cut_off) == (0, "dns")

    async def _wait(network: Network) -> None:
        await network.routes.reserve(asking(), tokens=1, retry=False)

    async def cut_off_while_waiting(network: Network) -> None:
        for _ in range(3):
            network.permits["a"].isolation.failed("job", "dns", began=0.0, lost=True)
        network.hear("a", alone=True)

    asyncio.run(scenario())


@pytest.mark.parametrize(("times", "alone"), [(2, True), (3, False)])
def test_a_worker_is_not_cut_off_too_soon(times: int, *, alone: bool) -> None:
    """Two failed connections, or more that other workers fail to make too, are no proof."""

    async def scenario() -> None:
        network = Network(a={})
        met = await lost(network, times=times)
        network.hear("a", alone=alone)
        assert network.permits["a"].cut_off == ""
        assert all(type(each) is Unreachable for each in met)

    asyncio.run(scenario())


def test_an_answer_between_failures_resets_the_count() -> None:
    """Only failed connections in a row count."""

    async def scenario() -> None:
        network = Network(a={})
        await lost(network, times=2)
        network.providers["a"].answer = ANSWER
        network.hear("a", permits=1)
        reservation = await network.routes.reserve(asking(), tokens=1, retry=False)
        async with GuardedCall(network.routes, reservation) as upstream:
            await upstream.ask("job", 1, asking())
        await lost(network, times=1)
        network.hear("a", alone=True)
        assert network.permits["a"].cut_off == ""

    asyncio.run(scenario())


def test_a_worker_that_is_answered_by_pages_tries_one_call_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If connections succeed, only a call can tell: a single trial, which costs no attempt."""
    monkeypatch.setattr(reach, "LOOK_SECONDS", 0)
    monkeypatch.setattr(isolation, "FIRST_TRIAL_SECONDS", 0.01)
    monkeypatch.setattr(isolation, "PROOF_SECONDS", 0)

    async def scenario() -> None:
        network = Network(a={})
        permits = network.permits["a"]
        network.providers["a"].answer = WrongEndpoint("a page", status=403, cause=Cause.PAGE)
        for number in range(isolation.PROOF):
            assert isinstance(await ask(network, f"job {number}"), UpstreamError)
        network.hear("a", alone=True)
        assert (permits.cut_off, network.routes.capacity()) == ("403, page", 0)
        offered = asyncio.Event()
        looking = Reach(network.reservations, changed=offered.set, say=lambda _: None)
        task = asyncio.create_task(looking.run())
        await offered.wait()
        assert (permits.report(Demand(0, 0)).want, network.routes.capacity()) == (1, 1)
        met = await ask(network, "first trial", alone=True)
        assert isinstance(met, Deferred)
        assert (met.seconds, permits.cut_off, network.routes.capacity()) == (0, "403, page", 0)
        offered.clear()
        await offered.wait()
        network.providers["a"].answer = ANSWER
        assert await ask(network, "second trial", alone=True) is None
        assert permits.cut_off == ""
        task.cancel()

    async def ask(network: Network, job: str, *, alone: bool = False) -> UpstreamError | None:
        network.hear("a", permits=1, alone=alone, doubted=True)
        reservation = await network.routes.reserve(asking(), tokens=1, retry=False)
        try:
            async with GuardedCall(network.routes, reservation) as upstream:
                await upstream.ask(job, 1, asking())
        except UpstreamError as error:
            return error
        return None

    asyncio.run(scenario())


def test_a_worker_says_that_it_is_cut_off_until_it_connects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Being cut off, and its end, are each told once by an event, and in the health answers."""
    monkeypatch.setattr(reach, "LOOK_SECONDS", 0)
    said: list[str | None] = []
    events = Events()
    told = heard(events)

    async def scenario() -> None:
        network = Network(a={})
        await cut_off(network)
        back = asyncio.Event()
        looking = Reach(network.reservations, changed=back.set, say=said.append, events=events)
        task = asyncio.create_task(looking.run())
        await network.providers["a"].reached.wait()
        network.providers["a"].answer = ANSWER
        await back.wait()
        task.cancel()

    asyncio.run(scenario())
    assert (said[0], said[-1]) == ("it alone gets no rankings from a (dns)", None)
    assert told == [WorkerIsolated(account="a", cause="dns"), WorkerReconnected(account="a")]
