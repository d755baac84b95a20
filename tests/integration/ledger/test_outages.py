"""If Redis is down, refuses or is full, there is one clear message within a bounded time."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rerankq.contract import Document, RerankRequest
from rerankq.errors import JobNotFound, LedgerRefusal, LedgerUnavailable
from rerankq.ledger.dead import DeadLetters
from running.ledger_desk import LedgerDesk, job
from running.proxy import Proxy
from running.redis_server import RedisServer, free_port
from running.sandbox import RunningSandbox


def refusal(desk: LedgerDesk, *names: str) -> str:
    with pytest.raises(LedgerUnavailable) as caught:
        desk.submit(*map(job, names))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 150
    return message


def test_redis_that_is_down_is_reported_soon() -> None:
    """Without a Redis every call fails in bounded time, and says what to do."""
    port = free_port()
    started = time.monotonic()
    with LedgerDesk(f"redis://user:s3cret@127.0.0.1:{port}/0") as desk:
        message = refusal(desk, "a")
        with pytest.raises(LedgerUnavailable):
            desk.status("a")
        with pytest.raises(LedgerUnavailable):
            desk.run(desk.batches.open())
    assert time.monotonic() - started < 20
    assert message == (
        f"Redis at 127.0.0.1:{port} cannot be reached: start it, or set RERANKQ_REDIS_URL"
    )


def test_wrong_password_is_reported(own_redis: RedisServer) -> None:
    """A refused password is named as that, without the password."""
    with own_redis.client() as client:
        client.config_set("requirepass", "right")
    with LedgerDesk(own_redis.url.replace("redis://", "redis://:wrong-s3cret@")) as desk:
        message = refusal(desk, "a")
    assert "refuses user or password" in message
    assert "s3cret" not in message


def test_another_server_than_redis_is_reported() -> None:
    """When an HTTP server answers at the address, the error says that it is not a Redis."""
    with RunningSandbox() as http:
        address = http.url.removeprefix("http://").partition("/")[0]
        with LedgerDesk(f"redis://{address}/0") as desk:
            assert "is not a Redis: correct RERANKQ_REDIS_URL" in refusal(desk, "a")


def test_full_redis_refuses_and_writes_nothing(own_redis: RedisServer) -> None:
    """If Redis is out of memory, a submit is refused clearly and writes nothing; later it works."""
    big = RerankRequest(query="q", documents=(Document(text="d" * 1000),))
    with LedgerDesk(own_redis.url) as desk:
        lease = desk.claimed("before")
        keys = sorted(desk.redis.keys())
        desk.redis.config_set("maxmemory", "1mb")
        with pytest.raises(LedgerUnavailable, match="out of memory, nothing was recorded"):
            desk.submit(job("a", request=big), job("b", idempotency_key="k", deadline_seconds=9))
        assert sorted(desk.redis.keys()) == keys
        assert desk.status("before").id == "before"
        desk.redis.config_set("maxmemory", "0")
        assert desk.succeed(lease)
        desk.submit(job("a", request=big))
        assert desk.places("a") == ["bulk:queued"]


def test_full_redis_is_freed_of_dead_letters(own_redis: RedisServer) -> None:
    """If Redis is out of memory, dead letters can still be purged, which frees memory."""
    with LedgerDesk(own_redis.url) as desk:
        desk.fail(desk.claimed("a"))
        desk.redis.config_set("maxmemory", "1mb")
        desk.run(DeadLetters(desk.store).forget(["a"]))
        assert desk.redis.zcard("rerankq:dead") == 0
        assert not desk.has_payload("a")


@pytest.mark.parametrize("count", [1, 5])
def test_too_few_replicas_are_reported_until_there_are_enough(
    own_redis: RedisServer, count: int
) -> None:
    """While Redis has too few replicas, writes are refused clearly; after that they work."""
    names = [f"new-{number}" for number in range(count)]
    with LedgerDesk(own_redis.url) as desk:
        lease = desk.claimed("before")
        desk.redis.config_set("min-replicas-to-write", 1)
        assert "too few replicas, nothing was recorded" in refusal(desk, *names)
        with pytest.raises(LedgerUnavailable) as caught:
            desk.succeed(lease)
        assert not isinstance(caught.value, LedgerRefusal)
        desk.redis.config_set("min-replicas-to-write", 0)
        assert desk.succeed(lease)
        desk.submit(*map(job, names))
        assert [desk.places(name) for name in names] == [["bulk:queued"]] * count


def _all_but_keys(desk: LedgerDesk) -> None:
    desk.redis.acl_setuser("default", enabled=True, reset_keys=True, keys=["other:*"])


def _all_but_a_command(desk: LedgerDesk) -> None:
    desk.redis.acl_setuser("default", enabled=True, commands=["-set", "-mset", "-hset"])


def _all_again(desk: LedgerDesk) -> None:
    desk.redis.acl_setuser("default", enabled=True, keys=["*"], categories=["+@all"])


@pytest.mark.parametrize("take", [_all_but_keys, _all_but_a_command])
def test_a_right_that_a_script_lacks_can_come_back(
    own_redis: RedisServer, take: Callable[[LedgerDesk], None]
) -> None:
    """A right that only a script needs is missing like any other: a worker keeps its results."""
    with LedgerDesk(own_redis.url) as desk:
        lease = desk.claimed("before")
        take(desk)
        assert "correct its ACL" in refusal(desk, "a")
        with pytest.raises(LedgerUnavailable, match="correct its ACL") as caught:
            desk.succeed(lease)
        assert not isinstance(caught.value, LedgerRefusal)
        assert caught.value.lasting
        _all_again(desk)
        assert desk.succeed(lease)


def test_killed_redis_forgets_nothing_accepted(own_redis: RedisServer) -> None:
    """A ledger that is restarted has the jobs that it accepted."""
    with LedgerDesk(own_redis.url) as desk:
        desk.submit(job("a"))
        own_redis.stop()
        refusal(desk, "b")
        own_redis.start()
        assert desk.places("a") == ["bulk:queued"]
        with pytest.raises(JobNotFound):
            desk.status("b")


def test_a_call_on_a_dead_connection_can_be_given_up(own_redis: RedisServer) -> None:
    """A call on a silently broken connection that is given up is repeated on another one."""
    with Proxy(own_redis.port) as proxy, LedgerDesk(proxy.url) as desk:
        desk.submit(job("before"))
        proxy.swallow()

        async def made_again() -> tuple[bool, int, object]:
            call = asyncio.create_task(desk.store.command("PING"))
            # Long enough for any answer.
            await asyncio.sleep(0.2)
            waited = not call.done()
            return waited, desk.store.answers.give_up(0, since=0), await call

        assert desk.run(made_again()) == (True, 1, True)


async def _trouble(desk: LedgerDesk) -> str | None:
    """Why the last call was not carried out, on the loop of the connections."""
    return desk.store.answers.trouble


def test_a_demoted_primary_is_left_for_the_new_one(own_redis: RedisServer, tmp_path: Path) -> None:
    """Connections to a Redis that became a replica are closed: the address may lead elsewhere."""
    other = tmp_path / "other"
    other.mkdir()
    with (
        RedisServer(other) as promoted,
        Proxy(own_redis.port) as proxy,
        LedgerDesk(proxy.url) as desk,
    ):
        desk.submit(job("before"))
        with own_redis.client() as client:
            client.replicaof("127.0.0.1", promoted.port)
        proxy.lead_to(promoted.port)
        with pytest.raises(LedgerUnavailable, match="is a read-only replica"):
            desk.submit(job("during"))
        assert "read-only" in (desk.run(_trouble(desk)) or "")
        desk.submit(job("after"))
        assert desk.run(_trouble(desk)) is None
        with promoted.client() as client:
            assert client.exists("rerankq:job:after")
