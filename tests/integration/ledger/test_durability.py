"""A Redis that may lose jobs causes a warning; one that hides its settings does not."""

import logging

import pytest

from rerankq.store.durability import losses, warn_of_losses
from rerankq.store.store import Store
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer, free_port


def warnings(desk: LedgerDesk, store: Store, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        desk.run(warn_of_losses(store))
    return [record.getMessage() for record in caplog.records]


def test_settings_that_lose_jobs_are_warned_of(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Each wrong setting has a warning that says what may happen and what to set."""
    policy = "maxmemory-policy allkeys-lru"
    cure = "set maxmemory-policy noeviction"
    where = f"Redis at 127.0.0.1:{own_redis.port}"
    with LedgerDesk(own_redis.url) as desk:
        assert warnings(desk, desk.store, caplog) == []
        desk.redis.config_set(*policy.split())
        desk.redis.config_set("appendonly", "no")
        assert warnings(desk, desk.store, caplog) == [
            f"{where} drops keys when its memory is full, jobs too ({policy}): {cure}",
            f"{where} has no append-only file, and loses jobs when it ends: set appendonly yes",
        ]


def test_a_redis_that_does_not_say_is_not_judged(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """If INFO is forbidden, or Redis does not answer, there is no warning and no error."""
    with LedgerDesk(own_redis.url) as desk:
        desk.redis.acl_setuser(
            "ann", enabled=True, passwords=["+pw"], keys="*", commands=["+@all", "-info"]
        )
        forbidden = Store(own_redis.url.replace("redis://", "redis://ann:pw@"))
        nobody = Store(f"redis://127.0.0.1:{free_port()}/0")
        for store in (forbidden, nobody):
            assert warnings(desk, store, caplog) == []
            desk.run(store.close())


def test_what_info_leaves_out_is_not_judged() -> None:
    """A managed Redis that hides its settings gets no warning."""
    assert losses({}, {}) == []
