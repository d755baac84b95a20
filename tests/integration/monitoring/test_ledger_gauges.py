"""The ledger in metrics, against a real Redis."""

import signal
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from rerankq.accounts.accounts import Limits
from rerankq.contract import Lane
from rerankq.monitoring.metrics.ledger_gauges import LedgerGauges
from rerankq.monitoring.metrics.registry import Metrics
from rerankq.monitoring.metrics.turn import HELD_SECONDS
from rerankq.store.store import Store
from running.access import user
from running.ledger_desk import LedgerDesk, job
from running.redis_server import RedisServer

HOUR_MS = 3_600_000


class Shower:
    """A process that shows the ledger when it is its turn."""

    def __init__(self, desk: LedgerDesk, store: Store | None = None) -> None:
        metrics = Metrics()
        self._desk = desk
        self.now = 0.0
        self._gauges = LedgerGauges(
            metrics, store or desk.store, max_calls=100, clock=lambda: self.now
        )
        self.registry: CollectorRegistry = metrics.registry

    def step(self) -> None:
        """Read once, if it is its turn."""
        self._desk.run(self._gauges.step())

    def end(self) -> None:
        """End in order."""
        self._desk.run(self._gauges.leave())

    def value(self, metric: str, /, **labels: str) -> float | None:
        """A sample, None when it is not shown."""
        return self.registry.get_sample_value(f"rerankq_{metric}", labels)


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger's classes."""
    with LedgerDesk(redis_url) as desk:
        yield desk


def test_one_process_of_all_shows_the_ledger(desk: LedgerDesk) -> None:
    """Two processes never show it both; when the one ends, the other takes its turn."""
    first, second = Shower(desk), Shower(desk)
    for _ in range(2):
        first.step()
        second.step()
        assert first.value("dead_letters") == 0
        assert second.value("dead_letters") is None
        assert second.value("ledger_up") == 1
    first.end()
    assert first.value("dead_letters") is None
    second.step()
    assert second.value("dead_letters") == 0
    first.step()
    assert first.value("dead_letters") is None


def test_a_turn_of_a_silent_process_ends(desk: LedgerDesk) -> None:
    """A process that was killed keeps its turn for some seconds only."""
    killed, other = Shower(desk), Shower(desk)
    killed.step()
    assert 0 < desk.redis.pttl(desk.store.keys.metrics_turn) <= 15_000
    desk.redis.delete(desk.store.keys.metrics_turn)
    other.step()
    killed.step()
    assert other.value("dead_letters") == 0
    assert killed.value("dead_letters") is None


def test_an_old_reading_is_not_shown(desk: LedgerDesk) -> None:
    """A process that stood still for longer than a turn lasts shows nothing: another one does."""
    stood_still = Shower(desk)
    stood_still.step()
    assert stood_still.value("dead_letters") == 0
    stood_still.now += HELD_SECONDS
    assert stood_still.value("dead_letters") is None


def test_the_figures_are_those_of_the_ledger(desk: LedgerDesk) -> None:
    """Jobs by state, the age of the oldest, dead letters, accounts, breakers, workers, Redis."""
    desk.claimed("runs")
    desk.fail(desk.claimed("dies"))
    desk.submit(*(job(f"waits{nth}") for nth in range(3)))
    desk.submit(job("later", not_before=desk.now_ms() / 1000 + 3600))
    desk.submit(job("quick", lane="interactive"))
    desk.alter_record("waits0", submitted=desk.now_ms() - HOUR_MS)
    desk.exchange("bulk.1@host.x", Limits(rpm=600), account="paid", want=1, in_flight=1)
    desk.trip("model site qwen 8b")
    desk.redis.lpush(desk.store.keys.poison, "{}")
    desk.redis.zadd(desk.store.keys.outbox("http"), {"event target": 1})
    shown = Shower(desk)
    shown.step()
    for state, count in {"queued": 3, "scheduled": 1, "running": 1, "held": 0}.items():
        assert shown.value("ledger_jobs", lane="bulk", state=state) == count, state
    assert shown.value("ledger_jobs", lane="interactive", state="queued") == 1
    assert shown.value("oldest_queued_job_age_seconds", lane="bulk") == pytest.approx(3600, abs=60)
    assert (shown.value("oldest_queued_job_age_seconds", lane="interactive") or 0) < 60
    assert shown.value("desired_workers", lane="bulk") == 1
    assert shown.value("workers", lane="interactive") == 0
    assert shown.value("dead_letters") == 1
    assert shown.value("poisoned_messages") == 1
    assert shown.value("deliveries_waiting", kind="http") == 1
    assert shown.value("deliveries_waiting", kind="celery") == 0
    assert shown.value("account_usable", account="paid") == 1
    assert shown.value("account_limit", account="paid", limit="rpm") == 600
    assert shown.value("account_limited", account="paid") == 1
    assert shown.value("breaker_open", kind="model", name="site qwen 8b", state="parked") == 1
    assert (shown.value("redis_memory_used_bytes") or 0) > 100_000
    assert shown.value("redis_memory_max_bytes") == 0
    assert shown.value("redis_aof_enabled") == 1
    assert shown.value("redis_aof_write_ok") == 1
    assert shown.value("redis_evicts") == 0
    assert (shown.value("redis_commands_total") or 0) > 0


def test_a_worker_is_counted_by_its_lane(desk: LedgerDesk) -> None:
    """Workers count by the beginning of their names, and only if they were heard of lately."""
    now = desk.now_ms()
    heard = {"bulk.1@h.a": now, "bulk.2@h.b": now, "interactive.1@h.c": now, "bulk.3@h.d": 1}
    desk.redis.zadd(desk.store.keys.last_heard, heard)
    shown = Shower(desk)
    shown.step()
    assert shown.value("workers", lane="bulk") == 2
    assert shown.value("workers", lane="interactive") == 1


def test_damage_does_not_hide_the_other_figures(desk: LedgerDesk) -> None:
    """A key of another type counts as empty, and a damaged record has no age."""
    desk.submit(job("waits"))
    desk.redis.set(desk.store.keys.job("waits"), "no record")
    desk.redis.set(desk.store.keys.dead, "no set")
    desk.redis.hset(desk.store.keys.lane(Lane.BULK.value), "held", "many")
    shown = Shower(desk)
    shown.step()
    assert shown.value("dead_letters") == 0
    assert shown.value("ledger_jobs", lane="bulk", state="queued") == 1
    assert shown.value("ledger_jobs", lane="bulk", state="held") == 0
    assert shown.value("oldest_queued_job_age_seconds", lane="bulk") == 0


def test_without_redis_nothing_is_shown(own_redis: RedisServer) -> None:
    """While Redis does not answer, figures are missing rather than old; then they come back."""
    with LedgerDesk(own_redis.url) as desk:
        shown = Shower(desk)
        shown.step()
        assert shown.value("dead_letters") == 0
        own_redis.stop(signal.SIGKILL)
        shown.step()
        assert shown.value("dead_letters") is None
        assert shown.value("ledger_up") == 0
        own_redis.start()
        shown.step()
        assert shown.value("dead_letters") == 0
        assert shown.value("ledger_up") == 1


@pytest.mark.parametrize(("role", "knows_redis"), [("worker", True), ("producer", False)])
def test_the_least_rights_of_each_part_are_enough(
    own_redis: RedisServer, role: str, *, knows_redis: bool
) -> None:
    """A user without the right to INFO, such as a gateway's, shows all but Redis' memory."""
    with LedgerDesk(own_redis.url) as desk:
        desk.exchange("bulk.1@host.x", Limits(rpm=600), account="paid", want=1, in_flight=1)
        desk.submit(job("waits"))
        few = Store(user(own_redis, role))
        shown = Shower(desk, few)
        shown.step()
        assert shown.value("ledger_jobs", lane="bulk", state="queued") == 1
        assert shown.value("account_usable", account="paid") == 1
        assert (shown.value("redis_memory_used_bytes") is not None) == knows_redis
        shown.end()
        desk.run(few.close())
