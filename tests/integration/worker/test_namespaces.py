"""Several fleets, and another Celery application, in one Redis database."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis
from redis.crc import key_slot

from rerankq import RerankClient
from rerankq.cli.operate.monitor import watched
from rerankq.client.handles import JobHandle
from rerankq.contract import Lane
from rerankq.errors import JobNotFound
from rerankq.ledger.batch_scripts import SEAL
from rerankq.store.keys import Keys
from rerankq.store.store import Store
from running.celery_neighbour import CeleryNeighbour
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

TAGGED, PLAIN, NONE = "{prod}", "staging", ""


def submitted(client: RerankClient, job_id: str, lane: str = "bulk") -> JobHandle:
    """Submit a job."""
    return client.submit(query="q", documents=["a", "b"], job_id=job_id, lane=Lane(lane))


def pings(url: str, namespace: str) -> list[str]:
    """The workers that answer a remote-control ping in that namespace."""
    with watched(url, namespace) as app:
        return sorted(app.control.inspect(timeout=1).ping() or {})


@pytest.mark.timeout(180)
def test_fleets_in_one_database_do_not_meet(redis_url: str, tmp_path: Path) -> None:
    """No job, event, command or result of one fleet reaches another fleet or application."""
    with (
        Redis.from_url(redis_url) as judge,
        judge.pubsub() as listener,
        RunningSandbox() as upstream,
        CeleryNeighbour(redis_url, tmp_path) as neighbour,
        RunningWorker(redis_url, upstream.url, tmp_path, namespace=TAGGED, lane="") as tagged,
        RunningWorker(redis_url, upstream.url, tmp_path, namespace=PLAIN) as plain,
        RerankClient(redis_url, namespace=TAGGED) as ours,
        RerankClient(redis_url, namespace=PLAIN) as theirs,
        RerankClient(redis_url) as older,
    ):
        listener.psubscribe("*")
        of_nobody = submitted(older, "same")
        for client in (ours, theirs):
            assert submitted(client, "same").result(timeout=30).job_id == "same"
        assert submitted(ours, "ours", "interactive").result(timeout=30).results
        with pytest.raises(JobNotFound):
            theirs.status("ours")
        assert of_nobody.status().state == "queued"
        assert judge.llen("rerankq.bulk") == 1
        found = Celery(broker=redis_url, backend=redis_url, set_as_current=False)
        found.conf.result_backend_transport_options = {"global_keyprefix": f"{TAGGED}:"}
        assert found.AsyncResult("same").get(timeout=30)["job_id"] == "same"

        workers = {space: pings(redis_url, space) for space in (TAGGED, PLAIN, NONE)}
        assert [len(workers[space]) for space in (TAGGED, PLAIN, NONE)] == [2, 1, 0]
        assert "1 node online" in neighbour.call("inspect", "ping")
        channels = {each["channel"].decode() for each in iter(listener.get_message, None)}
        for prefix, are_there in ((f"{TAGGED}:", True), (f"{PLAIN}:", True), ("", False)):
            events = f"{prefix}/0.rerankq.events/"
            assert any(each.startswith(events) for each in channels) is are_there

        with watched(redis_url, PLAIN) as app:
            app.control.shutdown()
        assert eventually(lambda: plain.process.poll() is not None, "the one fleet ended")
        assert tagged.process.poll() is None
        assert neighbour.alive
        neighbour.call("control", "shutdown")
        eventually(lambda: not neighbour.alive, "their worker ended")
        assert submitted(ours, "later").result(timeout=30).results
        assert tagged.terminate() == 0
        keys = [key.decode() for key in judge.scan_iter(count=1000)]
        check_keys(key for key in keys if "rerankq" in key)


def check_keys(keys: Iterable[str]) -> None:
    """Check that every key belongs to a fleet, and that the tagged fleet has only one slot."""
    of_nobody = []
    slots = set()
    for key in keys:
        if key.startswith(f"{TAGGED}:"):
            slots.add(key_slot(key.encode()))
        elif not key.startswith(f"{PLAIN}:"):
            of_nobody.append(key)
    assert slots == {key_slot(b"{prod}")}
    # A job and a remote-control command that no worker takes.
    assert not any("worker" in key or "sweep" in key or "account" in key for key in of_nobody)


def test_all_keys_of_a_tagged_namespace_are_in_one_slot(redis_url: str) -> None:
    """Keys of the broker, the ledger and remote control begin with the namespace."""
    namespace = TAGGED
    with (
        Redis.from_url(redis_url) as judge,
        RerankClient(redis_url, namespace=namespace) as client,
        watched(redis_url, namespace) as app,
    ):
        names: set[bytes] = set()
        submitted(client, "a")
        with app.connection_for_read() as connection:
            message = connection.SimpleQueue(Lane.BULK.queue).get(timeout=5)
            names |= {*judge.scan_iter()}
            message.reject(requeue=True)
        app.control.inspect(timeout=0.1).ping()
        names |= {*judge.scan_iter()}
        assert {key_slot(key) for key in names} == {key_slot(b"{prod}")}
        assert all(key.startswith(b"{prod}:") for key in names)
        assert b"{prod}:rerankq.unacked" in names


def test_scripts_of_two_namespaces_are_two(redis_url: str) -> None:
    """One Redis runs the same script for each namespace on its own keys."""

    async def sealed(namespace: str) -> bool:
        async with Store(redis_url, namespace) as store:
            assert await store.run(SEAL("batch", cut_at="")) == [0, []]
            await store.command("HSET", store.keys.batch("batch"), "total", 0)
            found, _ = await store.run(SEAL("batch", cut_at=""))
            return bool(found)

    assert [asyncio.run(sealed(each)) for each in (PLAIN, TAGGED)] == [True, True]
    with Redis.from_url(redis_url) as judge:
        assert judge.hget(Keys(TAGGED).batch("batch"), "sealed") == b"1"
