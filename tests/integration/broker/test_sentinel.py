"""Real Sentinels watch a primary and a replica: rerankq finds the one, also after a failover."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rerankq import AsyncRerankClient
from rerankq.broker.announce import Announcer
from rerankq.broker.callbacks import CallbackTasks
from rerankq.client.drafts import Draft
from rerankq.contract import Lane
from rerankq.errors import LedgerUnavailable, SettingsError
from rerankq.store.first_contact import look
from rerankq.store.store import Store
from running.redis_server import RedisServer, free_port
from running.sentinel import SERVICE, Group, sentinel, sentinels
from running.waiting import eventually

PASSWORD = "s3cret-1"  # noqa: S105  of servers on this machine
OWN = "s3cret-2"
QUERY = "?sentinel_password=s3cret-2"
BACK_SECONDS = 10.0


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    """Servers and Sentinels, each kind with a password of its own."""
    tmp_path = tmp_path_factory.mktemp("sentinel")
    place = tmp_path / "primary"
    place.mkdir()
    options = ("--requirepass", PASSWORD, "--masterauth", PASSWORD)
    with (
        RedisServer(place, options=options, password=PASSWORD) as primary,
        sentinels(tmp_path, primary, password=PASSWORD, sentinel_password=OWN) as found,
    ):
        yield found


def test_a_failover_is_followed_by_all_connections(group: Group) -> None:
    """After a failover the same client, subscription and announcer go on at the new primary."""
    asyncio.run(_failover(group))


async def _failover(group: Group) -> None:
    heard, told = asyncio.Event(), []
    async with AsyncRerankClient(group.url) as client, Store(group.url) as store:
        before = await client.submit(query="q", documents=["a"])

        def hear(channel: str) -> None:
            told.append(channel)
            heard.set()

        subscription = store.subscription(hear)
        subscription.join(["news"])
        announcer = Announcer(group.url)
        assert await asyncio.to_thread(announcer.announce, Lane.BULK, [before.id])

        group.primary.stop(signal.SIGKILL)
        leader = await asyncio.to_thread(group.failed_over)

        drafts: list[Draft] = [{"query": "q", "documents": [str(each)]} for each in range(9)]
        handles = await _submitted_in_time(client, drafts)
        with leader.client() as there:
            assert all(there.exists(f"rerankq:job:{each}") for each in [before.id, *handles])
            waiting = there.llen(Lane.BULK.queue)
            assert await asyncio.to_thread(announcer.announce, Lane.BULK, [before.id])
            assert there.llen(Lane.BULK.queue) == waiting + 1
            await asyncio.to_thread(
                eventually,
                lambda: there.pubsub_numsub("news")[0][1],
                "the subscription is made again",
                seconds=BACK_SECONDS,
            )
            heard.clear()
            there.publish("news", "x")
            await asyncio.wait_for(heard.wait(), BACK_SECONDS)
            # Callbacks go through kombu's own transport, as the application is the user's.
            tasks = CallbackTasks(group.url)
            await asyncio.to_thread(tasks.send, "shop.done", None, before.id, task_id="t1")
            assert there.llen("celery") == 1
            tasks.close()
        await subscription.close()
        announcer.close()


async def _submitted_in_time(client: AsyncRerankClient, drafts: list[Draft]) -> list[str]:
    async with asyncio.timeout(BACK_SECONDS):
        while True:
            try:
                return [each.id async for each in client.submit_many(drafts)]
            except LedgerUnavailable:
                await asyncio.sleep(0.05)


def test_a_sentinel_that_has_missed_a_failover_is_not_believed(
    group: Group, tmp_path: Path
) -> None:
    """When nothing answers where a Sentinel says that the primary is, another Sentinel is asked."""
    with sentinel(tmp_path, free_port(), PASSWORD, OWN) as cut_off:
        hosts = f"127.0.0.1:{cut_off},127.0.0.1:{group.ports[0]}"
        asyncio.run(_asks_another(f"sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0{QUERY}"))
        alone = f"sentinel://:{PASSWORD}@127.0.0.1:{cut_off}/{SERVICE}/0{QUERY}"
        problem = asyncio.run(look(alone))
    assert "cannot be reached where its Sentinels say it is: start it, or wait" in str(problem)


async def _asks_another(url: str) -> None:
    async with Store(url) as store:
        many = (store.command("PING") for _ in range(9))
        assert await asyncio.gather(*many) == [True] * 9
    announcer = Announcer(url)
    await asyncio.to_thread(
        eventually, lambda: announcer.announce(Lane.BULK, ["x"]), "hints are sent"
    )
    announcer.close()


def test_each_wrong_address_has_its_own_sentence(group: Group) -> None:
    """What is wrong with an address of Sentinel is said at the start, without its passwords."""
    asyncio.run(_wrong_addresses(group))


async def _wrong_addresses(group: Group) -> None:
    port, ledger = group.ports[0], group.replicas[0].port
    lasting = {
        f"127.0.0.1:{port}/other/0{QUERY}": "is not known to its Sentinels: correct the name",
        f"127.0.0.1:{port}/{SERVICE}/0": "is not told, as a Sentinel refuses user or password",
        f"127.0.0.1:{port}/{SERVICE}/0?sentinel_password=wr0ng": "a Sentinel refuses user or pass",
        f"127.0.0.1:{ledger}/{SERVICE}/0?sentinel_password=s3cret-1": "there is no Sentinel",
    }
    for rest, said in lasting.items():
        with pytest.raises(SettingsError) as caught:
            await look(f"sentinel://:s3cret-1@{rest}")
        assert said in str(caught.value)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(SettingsError, match="refuses user or password: correct RERANKQ_REDIS_URL"):
        await look(f"sentinel://:wr0ng@127.0.0.1:{port}/{SERVICE}/0{QUERY}")
    problem = await look(f"sentinels://:s3cret-1@127.0.0.1:{port}/{SERVICE}/0{QUERY}")
    assert "whether they speak TLS: sentinels:// is for TLS" in str(problem)

    silent = f"127.0.0.1:{free_port()}"
    problem = await look(f"sentinel://:s3cret-1@{silent}/{SERVICE}/0{QUERY}")
    assert problem
    assert "none of its Sentinels answers" in str(problem)
    assert not problem.uncertain
    # The next one is asked.
    assert await look(f"sentinel://:s3cret-1@{silent},127.0.0.1:{port}/{SERVICE}{QUERY}") is None
