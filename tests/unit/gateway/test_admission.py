"""Which rerank calls are let in, and which of those inside wait in vain."""

import asyncio
from typing import Any

import pytest

from rerankq.contract import Forecast, Lane
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.rerank import admission
from rerankq_gateway.rerank.admission import MOST_TRIALS, Admission, refusal

WELL = Forecast(wait_seconds=0.0)
TRIED = Forecast(wait_seconds=0.0, by="outage", message="it is out")
OUT = Forecast(wait_seconds=100.0, by="outage", message="it is out")
ALONE = Forecast(wait_seconds=300.0, by="no_worker", message="nobody serves")


class FakeClient:
    """Gives the forecast that a test has set."""

    def __init__(self) -> None:
        self.found = WELL

    async def forecast(self, _: Lane) -> Forecast:
        """The forecast."""
        return self.found


@pytest.mark.parametrize(
    ("by", "wait", "status", "throttled_by"),
    [
        ("upstream", 100.0, 429, "upstream"),
        ("quota", 100.0, 429, "quota"),
        ("outage", 100.0, 503, None),
        ("outage", 2.0, 503, None),
        ("no_worker", 300.0, 503, None),
        ("queue", 100.0, 503, None),
    ],
)
def test_only_rates_and_quotas_are_a_429(
    by: Any, wait: float, status: int, throttled_by: str | None
) -> None:
    """Who throttles is named; what is out is a 503 with its cause and when to come back."""
    problem = refusal(Forecast(wait_seconds=wait, by=by, message="why"), 60.0).problem
    assert (problem.status, problem.throttled_by) == (status, throttled_by)
    assert problem.members == {"cause": by}
    assert problem.message.startswith("why; ")
    assert problem.retry_after is not None
    missing = wait - 60.0 if wait > 60.0 else 5.0
    assert missing <= problem.retry_after <= 1.1 * missing


@pytest.mark.parametrize(
    ("found", "stay"),
    [(OUT, MOST_TRIALS), (ALONE, 0), (OUT.model_copy(update={"by": "queue"}), 20)],
)
def test_those_inside_do_not_wait_in_vain(
    found: Forecast, stay: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody is served any more, those who would wait in vain are told so at once."""
    monkeypatch.setattr(admission, "_LOOK_SECONDS", 0.01)
    asyncio.run(_those_inside(found, stay))


async def _those_inside(found: Forecast, stay: int) -> None:
    client, over = FakeClient(), asyncio.Event()
    gate = Admission(client)  # type: ignore[arg-type]
    inside: list[int] = []

    async def work() -> bool:
        inside.append(1)
        return await over.wait()

    calls = [asyncio.create_task(gate.within(Lane.INTERACTIVE, 60.0, work)) for _ in range(20)]
    patient = asyncio.create_task(gate.within(Lane.INTERACTIVE, 1000.0, work))
    while len(inside) < 21:  # noqa: ASYNC110  they have no event
        await asyncio.sleep(0)
    client.found = TRIED
    done, _ = await asyncio.wait(calls, timeout=0.1)
    assert not done
    client.found = found
    await asyncio.wait(calls[stay:] or calls, timeout=5 if stay < 20 else 0.1)
    over.set()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert ends[:stay] == [True] * stay
    assert {type(each) for each in ends[stay:]} <= {GatewayError}
    assert await patient


def test_few_try_an_upstream_that_is_out() -> None:
    """More calls than are needed for a trial are refused, however long they would wait."""
    asyncio.run(_few_try())


async def _few_try() -> None:
    client, over = FakeClient(), asyncio.Event()
    client.found = TRIED
    gate = Admission(client)  # type: ignore[arg-type]
    calls = [asyncio.create_task(gate.within(Lane.BULK, 1.0, over.wait)) for _ in range(20)]
    done, _ = await asyncio.wait(calls, timeout=0.1)
    assert len(done) == 20 - MOST_TRIALS
    over.set()
    await asyncio.gather(*calls, return_exceptions=True)
