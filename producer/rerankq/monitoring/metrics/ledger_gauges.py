"""Shows the whole ledger, in one process of all: every other one leaves these series out.

So a sum over all processes is right, and none shows what was true a while ago.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rerankq.accounts.breakers import TrippedBreaker
from rerankq.errors import LedgerUnavailable
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.catalogue import Described, Kind
from rerankq.monitoring.metrics.desired_workers import desired_workers
from rerankq.monitoring.metrics.ledger_reading import LedgerReading, read_ledger
from rerankq.monitoring.metrics.redis_gauges import redis_values
from rerankq.monitoring.metrics.registry import Metrics
from rerankq.monitoring.metrics.turn import HELD_SECONDS, Turn
from rerankq.store.store import Store

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
READING_SECONDS: Final = 4.0
"""How long Redis may take for an answer: a later reading would be out of date."""
LEAVE_SECONDS: Final = 1.0
MOST_BREAKERS: Final = 100
_WORDS: Final = 2

Value = tuple[Sequence[str], float]


class LedgerGauges(Collector):
    """Reads the ledger every few seconds while it is this process' turn.

    Args:
        metrics: where the ledger is shown.
        store: the ledger's Redis.
        max_calls: how many calls a worker may have in flight.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        store: Store,
        *,
        max_calls: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._turn = Turn(store, token_hex(8))
        self._max_calls = max_calls
        self._up = metrics.gauge(catalogue.LEDGER_UP)
        self._reading: LedgerReading | None = None
        self._clock = clock
        self._read_at = -math.inf
        self._told = False
        self._said: type[Exception] | None = None
        metrics.registry.register(self)

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            while True:
                await self.step()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await self.leave()

    def _say_what_is_missing(self) -> None:
        if self._reading and not self._reading.redis and not self._told:
            self._told = True
            log.warning(
                "metrics lack memory and persistence of Redis: give its user the right to INFO"
            )

    async def leave(self) -> None:
        """Show nothing any more, and let another process have the turn."""
        self._reading = None
        with suppress(LedgerUnavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._turn.leave()

    async def step(self) -> None:
        """Read once if it is this process' turn; else, or without an answer, show nothing."""
        try:
            async with asyncio.timeout(EVERY_SECONDS):
                mine = await self._turn.take()
                self._read_at = self._clock()
                self._reading = await read_ledger(self._store) if mine else None
        except (LedgerUnavailable, TimeoutError):
            self._reading = None
            self._up.set(0)
        except Exception as error:  # noqa: BLE001  no fault here may end a worker
            self._reading = None
            if type(error) is not self._said:
                self._said = type(error)
                log.warning("the ledger cannot be read for metrics: %s", type(error).__name__)
        else:
            self._up.set(1)
            self._say_what_is_missing()

    def collect(self) -> Iterator[Metric]:
        """The library calls this whenever somebody reads the metrics."""
        reading = self._reading
        # A process that stood still for so long has lost its turn, and does not know it yet.
        if reading is None or self._clock() - self._read_at >= HELD_SECONDS:
            return
        for described, values in self._families(reading):
            is_counter = described.kind is Kind.COUNTER
            family = (CounterMetricFamily if is_counter else GaugeMetricFamily)(
                described.name, described.meaning, labels=described.labels
            )
            for labels, value in values:
                family.add_metric(labels, value)
            yield family

    def _families(self, reading: LedgerReading) -> Iterator[tuple[Described, Iterable[Value]]]:
        lanes = reading.lanes.items()
        yield (
            catalogue.LEDGER_JOBS,
            [
                ((lane.value, state), count)
                for lane, each in lanes
                for state, count in each.jobs.items()
            ],
        )
        yield catalogue.OLDEST, [((lane.value,), each.oldest_seconds) for lane, each in lanes]
        yield catalogue.WORKERS, [((lane.value,), each.workers) for lane, each in lanes]
        desired = desired_workers(reading, max_calls=self._max_calls)
        yield catalogue.DESIRED, [((lane.value,), count) for lane, count in desired.items()]
        yield catalogue.DEAD, [((), reading.dead)]
        yield catalogue.POISON, [((), reading.poison)]
        waiting = reading.deliveries.items()
        yield catalogue.DELIVERIES, [((kind,), count) for kind, count in waiting]
        yield from _accounts(reading)
        yield catalogue.BREAKERS, _breakers(reading)
        for described, value in redis_values(reading.redis):
            yield described, [((), value)]


@asynccontextmanager
async def ledger_gauges(
    metrics: Metrics, url: str, namespace: str, *, max_calls: int
) -> AsyncIterator[LedgerGauges]:
    """The ledger's gauges, with connections of their own: they hold up nothing else.

    Args:
        metrics: where the ledger is shown.
        url: the ledger's Redis.
        namespace: what every key there begins with.
        max_calls: how many calls a worker may have in flight.
    """
    async with Store(url, namespace, answer_seconds=READING_SECONDS) as store:
        yield LedgerGauges(metrics, store, max_calls=max_calls)


def _accounts(reading: LedgerReading) -> Iterator[tuple[Described, Iterable[Value]]]:
    accounts = reading.accounts.items()
    usable = [
        ((name,), float(each.mode == "open" and each.wait_ms == 0)) for name, each in accounts
    ]
    yield catalogue.ACCOUNT_USABLE, usable
    yield catalogue.ACCOUNT_RATE, [((name,), each.rate) for name, each in accounts]
    yield catalogue.ACCOUNT_LIMITED, [((name,), float(each.limited)) for name, each in accounts]
    yield catalogue.ACCOUNT_HELD, [((name,), each.in_flight) for name, each in accounts]
    limits = [
        ((name, limit), float(most))
        for name, each in accounts
        for limit, most in each.limits.known().items()
    ]
    yield catalogue.ACCOUNT_LIMIT, limits


def _breakers(reading: LedgerReading) -> list[Value]:
    """The open breakers: those of accounts, as their state says, and those that are stored."""
    found = [
        (("account", name, each.mode), 1.0)
        for name, each in reading.accounts.items()
        if each.mode != "open"
    ]
    stored = sorted(reading.breakers.items())[:MOST_BREAKERS]
    return found + [(_labels(name, breaker), 1.0) for name, breaker in stored]


def _labels(name: str, breaker: TrippedBreaker) -> tuple[str, str, str]:
    kind, *rest = name.split(" ", _WORDS - 1)
    return kind, " ".join(rest), breaker.state.value
