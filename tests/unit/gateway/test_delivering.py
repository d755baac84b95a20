"""The duty that calls webhooks."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from rerankq.client.webhooks import Delivery, Kind, Verdict
from rerankq.contract import Disabled, TryOutcome
from rerankq.errors import LedgerUnavailable
from rerankq.events import Event, Events, WebhookDelivered, WebhookDisabled, WebhookFailed
from rerankq_gateway.webhooks import delivering
from rerankq_gateway.webhooks.delivering import MOST_TOGETHER, Delivering
from rerankq_gateway.webhooks.delivery_log import log_deliveries
from running.heard import heard

ADDRESS = "https://example.com/hidden-path"


def delivery(number: int) -> Delivery:
    """A delivery of its own."""
    return Delivery(Kind.HTTP, f"evt_{number}", "wh_1", "batch.completed", "b", 1.0, 1, ADDRESS)


class Waiting:
    """An outbox with some deliveries; sets `stopping` when all are noted."""

    def __init__(self, count: int, stopping: asyncio.Event, *, outages: int = 0) -> None:
        self._left = [delivery(each) for each in range(count)]
        self._count = count
        self._stopping = stopping
        self._outages = outages
        self.noted: list[str] = []
        self.busy: list[list[str | None]] = []

    async def take(
        self,
        kind: Kind,
        most: int,
        *,
        at_once: int,
        lease_seconds: float,
        busy: Sequence[str | None],
    ) -> list[Delivery]:
        """The next."""
        assert kind is Kind.HTTP
        self.busy.append(list(busy))
        assert at_once < MOST_TOGETHER
        assert lease_seconds > 0
        if not self._left and self._outages:
            raise LedgerUnavailable("no answer")
        taken, self._left = self._left[:most], self._left[most:]
        return taken

    async def done(self, delivery: Delivery, verdict: Verdict) -> tuple[float | None, str | None]:
        """Note it."""
        if self._outages:
            self._outages -= 1
            raise LedgerUnavailable("no answer")
        self.noted.append(delivery.event)
        if len(self.noted) == self._count:
            self._stopping.set()
        if verdict.outcome is TryOutcome.DELIVERED:
            return None, None
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


def served(count: int, verdict: Verdict) -> tuple[Waiting, Calls, list[Event]]:
    """Serve until the process stops."""
    events = Events()
    log_deliveries(events)
    told = heard(events)

    async def serve() -> tuple[Waiting, Calls]:
        stopping = asyncio.Event()
        outbox, calls = Waiting(count, stopping), Calls(lambda _: verdict)
        # The real ones have these methods and more.
        await Delivering(outbox, calls, stopping, events).step()  # type: ignore[arg-type]
        return outbox, calls

    return *asyncio.run(serve()), told


def test_all_are_called_within_the_bound() -> None:
    """Many calls are made at once, never more than the bound; at a stop those begun are noted."""
    outbox, calls, told = served(3 * MOST_TOGETHER, Verdict(TryOutcome.DELIVERED, 200, 7))
    assert len(set(outbox.noted)) == 3 * MOST_TOGETHER
    assert 1 < calls.most <= MOST_TOGETHER
    # While half of all calls are the operator's, no more of its are asked for.
    assert [None] in outbox.busy
    assert outbox.busy[0] == []
    assert len(told) == 3 * MOST_TOGETHER
    assert told[0] == WebhookDelivered(
        webhook_id="wh_1",
        host="example.com",
        event_id="evt_0",
        event_type="batch.completed",
        tries=1,
        status=200,
        seconds=0.007,
    )


class OneByOne(Waiting):
    """Gives out a delivery only when the one before was noted."""

    def __init__(self, count: int, stopping: asyncio.Event) -> None:
        super().__init__(count, stopping)
        self._taken = 0

    async def take(
        self,
        kind: Kind,
        most: int,
        *,
        at_once: int,
        lease_seconds: float,
        busy: Sequence[str | None],
    ) -> list[Delivery]:
        """The next, if there is none under way."""
        if self._taken > len(self.noted):
            return []
        found = await super().take(
            kind, min(most, 1), at_once=at_once, lease_seconds=lease_seconds, busy=busy
        )
        self._taken += len(found)
        return found


def test_a_call_that_ends_makes_room_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook with as many calls as it may have gets the next one when one of them has ended."""
    monkeypatch.setattr(delivering, "LOOK_SECONDS", 3600.0)

    async def serve() -> OneByOne:
        stopping = asyncio.Event()
        outbox = OneByOne(5, stopping)
        calls = Calls(lambda _: Verdict(TryOutcome.DELIVERED, 200))
        async with asyncio.timeout(30):
            # The real ones have these methods and more.
            await Delivering(outbox, calls, stopping, Events()).step()  # type: ignore[arg-type]
        return outbox

    assert len(asyncio.run(serve()).noted) == 5


def test_a_failure_is_told_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is told with the host and the reason, never with the path, which may be secret."""
    records = caplog.records
    _, _, told = served(1, Verdict(TryOutcome.FAILED, 500, reason="it answered 500"))
    lines = " ".join(each.getMessage() for each in records)
    assert "example.com" in lines
    assert "it answered 500" in lines
    assert "disabled" in lines
    failed, disabled = told
    assert isinstance(failed, WebhookFailed)
    assert isinstance(disabled, WebhookDisabled)
    assert (failed.host, failed.status, failed.delay_seconds) == ("example.com", 500, 5.0)
    assert (disabled.event_id, disabled.tries, disabled.reason) == ("evt_0", 1, "failing")
    assert "hidden" not in lines + repr(told)


def test_a_call_is_noted_once_redis_can_be_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When Redis is away as a call ends, it is noted later, and not made again."""
    monkeypatch.setattr(delivering, "NOTE_PAUSE_SECONDS", 0.0)
    events = Events()
    told = heard(events)

    async def serve() -> Waiting:
        stopping = asyncio.Event()
        outbox = Waiting(1, stopping, outages=3)
        calls = Calls(lambda _: Verdict(TryOutcome.DELIVERED, 200))
        # The real ones have these methods and more.
        duty = Delivering(outbox, calls, stopping, events)  # type: ignore[arg-type]
        with pytest.raises(LedgerUnavailable):
            await duty.step()
        return outbox

    assert asyncio.run(serve()).noted == ["evt_0"]
    assert [each.name for each in told] == ["webhook.delivered"]
