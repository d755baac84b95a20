"""The duty that calls webhooks."""

import asyncio
from collections.abc import Callable

import pytest

from rerankq.client.webhooks import Delivery, Kind, Verdict
from rerankq.contract import Disabled, TryOutcome
from rerankq_gateway.webhooks.delivering import MOST_TOGETHER, Delivering

ADDRESS = "https://example.com/hidden-path"


def delivery(number: int) -> Delivery:
    """A delivery of its own."""
    return Delivery(Kind.HTTP, f"evt_{number}", "wh_1", "batch.completed", "b", 1.0, 1, ADDRESS)


class Waiting:
    """An outbox with some deliveries; sets `empty` when none waits."""

    def __init__(self, count: int, stopping: asyncio.Event) -> None:
        self._left = [delivery(each) for each in range(count)]
        self._stopping = stopping
        self.noted: list[str] = []

    async def take(self, kind: Kind, most: int, *, lease_seconds: float) -> list[Delivery]:
        """The next."""
        assert kind is Kind.HTTP
        assert lease_seconds > 0
        taken, self._left = self._left[:most], self._left[most:]
        if not self._left:
            self._stopping.set()
        return taken

    async def done(self, delivery: Delivery, verdict: Verdict) -> tuple[float, Disabled | None]:
        """Note it."""
        del verdict
        self.noted.append(delivery.event)
        return 5.0, Disabled.FAILING


class Calls:
    """A sender that counts the calls at the same moment."""

    def __init__(self, verdict: Callable[[Delivery], Verdict]) -> None:
        self._verdict = verdict
        self._now = 0
        self.most = 0
        self.entered = False

    async def __aenter__(self) -> None:
        self.entered = True

    async def __aexit__(self, *_: object) -> None:
        self.entered = False

    async def send(self, delivery: Delivery) -> Verdict:
        """Make one."""
        assert self.entered
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        return self._verdict(delivery)


def served(count: int, verdict: Verdict) -> tuple[Waiting, Calls]:
    """Serve until the process stops."""

    async def serve() -> tuple[Waiting, Calls]:
        stopping = asyncio.Event()
        outbox, calls = Waiting(count, stopping), Calls(lambda _: verdict)
        # The real ones have these methods and more.
        await Delivering(outbox, calls, stopping).step()  # type: ignore[arg-type]
        return outbox, calls

    return asyncio.run(serve())


def test_all_are_called_within_the_bound() -> None:
    """Many calls are made at once, never more than the bound; at a stop those begun are noted."""
    outbox, calls = served(3 * MOST_TOGETHER, Verdict(TryOutcome.DELIVERED, 200))
    assert len(set(outbox.noted)) == 3 * MOST_TOGETHER
    assert 1 < calls.most <= MOST_TOGETHER


def test_the_log_names_no_url(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is told with the host and the reason, never with the path, which may be secret."""
    records = caplog.records
    served(1, Verdict(TryOutcome.FAILED, 500, reason="it answered 500"))
    told = " ".join(each.getMessage() for each in records)
    assert "example.com" in told
    assert "it answered 500" in told
    assert "disabled" in told
    assert "hidden" not in told
