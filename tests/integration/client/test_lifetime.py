"""The life of a client: closing, forks, event loops, interrupts, and garbage collection."""

import asyncio
import copy
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rerankq import AsyncRerankClient, JobHandle, RerankClient
from rerankq.contract import JobState
from rerankq.errors import ClientClosed, DetachedHandle, JobCancelled, JobNotFound
from running.ledger_desk import LedgerDesk
from running.stand_in_worker import StandInWorker
from running.waiting import eventually
from running.worker import clean_environment

DRAFT: dict[str, Any] = {"query": "q", "documents": ["d"]}


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """A blocking client of an empty ledger."""
    with RerankClient(redis_url) as made:
        yield made


def heard(redis_url: str, job_id: str) -> None:
    """Wait until somebody waits for the job."""
    with LedgerDesk(redis_url) as desk:
        channel = f"celery-task-meta-{job_id}"
        eventually(lambda: desk.redis.pubsub_numsub(channel)[0][1], "the wait began")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the code in a process of its own that warns of everything left open."""
    return subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", code, *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


WAITS: dict[str, Callable[[RerankClient, JobHandle], object]] = {
    "result": lambda _, handle: handle.result(timeout=60),
    "endless result": lambda _, handle: handle.result(),
    "as_completed": lambda client, handle: list(client.as_completed([handle], timeout=60)),
}


@pytest.mark.parametrize("wait", WAITS)
def test_closing_ends_the_waits_of_other_threads(redis_url: str, wait: str) -> None:
    """Closing a client ends waits in other threads at once, with an error that says why."""
    client = RerankClient(redis_url)
    handle = client.submit(**DRAFT)
    ends: list[BaseException] = []

    def waiting() -> None:
        try:
            WAITS[wait](client, handle)
        except Exception as error:  # noqa: BLE001  it is looked at below
            ends.append(error)

    thread = threading.Thread(target=waiting, daemon=True)
    thread.start()
    heard(redis_url, handle.id)
    began = time.monotonic()
    client.close()
    thread.join(20)
    assert time.monotonic() - began < 5
    assert [type(each) for each in ends] == [ClientClosed]


CALLS: dict[str, Callable[[RerankClient, JobHandle], object]] = {
    "submit": lambda client, _: client.submit(**DRAFT),
    "submit_many": lambda client, _: list(client.submit_many([DRAFT])),
    "get": lambda client, handle: client.get(handle.id),
    "cancel": lambda client, handle: client.cancel(handle.id),
    "with": lambda client, _: client.__enter__(),
    "status": lambda _, handle: handle.status(),
    "result": lambda _, handle: handle.result(timeout=0),
    "handle.cancel": lambda _, handle: handle.cancel(),
    **WAITS,
}


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_client_says_so(redis_url: str, call: str) -> None:
    """Every call on a closed client raises ClientClosed, which is also a RuntimeError."""
    with RerankClient(redis_url) as client:
        handle = client.submit(**DRAFT)
    with pytest.raises(ClientClosed) as caught:
        CALLS[call](client, handle)
    assert isinstance(caught.value, RuntimeError)


def test_a_closed_asynchronous_client_says_so(redis_url: str) -> None:
    """Closing it ends its waits, and every later call raises ClientClosed."""

    async def use() -> None:
        client = AsyncRerankClient(redis_url)
        handle = await client.submit(**DRAFT)
        waiting = asyncio.create_task(handle.result(timeout=60))
        await asyncio.to_thread(heard, redis_url, handle.id)
        await client.close()
        await client.close()
        for ask in (lambda: waiting, handle.status, handle.result, lambda: client.submit(**DRAFT)):
            with pytest.raises(ClientClosed):
                await ask()

    asyncio.run(asyncio.wait_for(use(), 60))


def test_a_client_is_closed_when_it_is_left_for_the_last_time(redis_url: str) -> None:
    """An inner `with` block of the same client does not close it for the outer block."""
    with RerankClient(redis_url) as client:
        with client:
            handle = client.submit(**DRAFT)
        assert handle.cancel() is JobState.QUEUED
        with pytest.raises(JobCancelled):
            handle.result(timeout=20)


FORKING = """
import faulthandler, os, sys, threading, time, traceback
from rerankq import RerankClient

importing = threading.Event()

class SlowDisk:
    def find_spec(self, name, path=None, target=None):
        if name == "celery.backends.base" and not importing.is_set():
            importing.set()
            time.sleep(3)

if sys.argv[3] == "slow disk":
    sys.meta_path.insert(0, SlowDisk())
else:
    importing.set()
draft = {"query": "q", "documents": ["d"]}
for _ in range(int(sys.argv[2])):
    client = RerankClient(sys.argv[1])
    threads = [threading.Thread(target=lambda: client.submit(**draft)) for _ in range(3)]
    for thread in threads:
        thread.start()
    importing.wait()
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            faulthandler.dump_traceback_later(60, exit=True)
            try:
                client.submit(**draft).cancel()
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(3)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children] == [0] * 3
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    client.submit(**draft).cancel()
    client.close()
print("well")
"""


@pytest.mark.parametrize(("disk", "times"), [("quick disk", 12), ("slow disk", 1)])
def test_a_fork_during_the_first_use_blocks_nothing(redis_url: str, disk: str, times: int) -> None:
    """A child that is forked while other threads first use the client can use it too."""
    done = python(FORKING, redis_url, str(times), disk)
    assert done.stdout.strip() == "well", done.stderr


FORKED_LOOP = """
import asyncio, os, sys
from rerankq import AsyncRerankClient

client = AsyncRerankClient(sys.argv[1])

async def use():
    handle = await client.submit(query="q", documents=["d"], lane="interactive")
    await handle.result(timeout=20)

asyncio.run(use())
child = os.fork()
if not child:
    code = 1
    try:
        asyncio.run(use())
        code = 0
    finally:
        os._exit(code)
assert os.waitpid(child, 0)[1] == 0
asyncio.run(use())
print("well")
"""


def test_an_asynchronous_client_serves_loop_after_loop(redis_url: str) -> None:
    """One client serves one loop after the other, also in a forked child, and never warns."""
    with StandInWorker(redis_url):
        done = python(FORKED_LOOP, redis_url)
    assert (done.stdout.strip(), done.stderr) == ("well", "")


def test_an_asynchronous_client_serves_loops_at_once(redis_url: str) -> None:
    """One client serves several loops, in threads of their own, at the same time."""
    client = AsyncRerankClient(redis_url)
    ids: list[str] = []

    async def use() -> None:
        for _ in range(5):
            handle = await client.submit(**DRAFT)
            ids.append((await handle.result(timeout=30)).job_id)

    with StandInWorker(redis_url):
        threads = [threading.Thread(target=asyncio.run, args=[use()]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(set(ids)) == 20


FORGOTTEN = """
import gc, sys, threading, time
from rerankq import RerankClient

def use():
    client = RerankClient(sys.argv[1])
    client.submit(query="q", documents=["d"], lane="interactive").result(timeout=20)

use()
gc.collect()
deadline = time.monotonic() + 20
while any(each.name.startswith("rerankq") for each in threading.enumerate()):
    assert time.monotonic() < deadline, threading.enumerate()
    time.sleep(0.02)
print("well")
"""


def test_a_forgotten_client_leaves_nothing_behind(redis_url: str) -> None:
    """A client that is garbage-collected ends its threads, without a warning."""
    with StandInWorker(redis_url):
        done = python(FORGOTTEN, redis_url)
    assert (done.stdout.strip(), done.stderr) == ("well", "")


INTERRUPTED = """
import sys
from rerankq import RerankClient, errors

with RerankClient(sys.argv[1]) as client:
    handle = client.submit(query="q", documents=["d"], job_id="waited-for")
    try:
        handle.result()
    except KeyboardInterrupt:
        pass
    handle.cancel()
    try:
        handle.result(timeout=20)
    except errors.JobCancelled:
        print("well")
"""


def test_an_interrupt_ends_the_wait_alone(redis_url: str) -> None:
    """Ctrl-C ends a wait at once, and the client can still be used."""
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, redis_url],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        heard(redis_url, "waited-for")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0].strip() == "well"


def test_a_cancelled_call_leaves_its_connection_whole(redis_url: str) -> None:
    """Cancelled calls keep no connection, and damage none for the next call."""

    async def use() -> None:
        async with AsyncRerankClient(f"{redis_url}?max_connections=2") as client:
            for number in range(60):
                calls = [asyncio.create_task(client.submit(**DRAFT)) for _ in range(5)]
                for _ in range(number % 12):
                    await asyncio.sleep(0)
                for each in calls:
                    each.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            handle = await client.submit(**DRAFT, custom_id="whole")
            assert (await handle.status()).custom_id == "whole"

    asyncio.run(asyncio.wait_for(use(), 60))


def test_a_handle_travels_without_its_client(client: RerankClient, redis_url: str) -> None:
    """A pickled handle has the job's id and its known end; a client gives it back the rest."""
    handle = client.submit(**DRAFT)
    arrived = pickle.loads(pickle.dumps(handle))  # noqa: S301  our own
    assert arrived.id == handle.id
    for ask in (arrived.status, arrived.result, arrived.cancel):
        with pytest.raises(DetachedHandle, match=rf"client\.get.*{handle.id}|{handle.id}.*get"):
            ask()
    assert client.get(arrived.id).status().state is JobState.QUEUED
    with StandInWorker(redis_url):
        assert [each.id for each in client.as_completed([arrived], timeout=30)] == [handle.id]
    again = pickle.loads(pickle.dumps(arrived))  # noqa: S301  our own
    assert again.result() == arrived.result() == handle.result(timeout=20)


def test_copies_are_the_same_job_and_client(client: RerankClient) -> None:
    """A copy of a handle asks the same client; a copy of a client is that client."""
    handle = client.submit(**DRAFT)
    for copied in (copy.copy(handle), copy.deepcopy([handle])[0]):
        assert copied.status().state is JobState.QUEUED
    assert copy.deepcopy({"client": client})["client"] is client
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client)


def test_cancelling_an_unknown_job_is_an_error(client: RerankClient) -> None:
    """Cancelling a job that the ledger does not know raises an error."""
    handle = client.submit(**DRAFT)
    with LedgerDesk(client.settings.redis_url) as desk:
        desk.redis.flushdb()
    with pytest.raises(JobNotFound):
        handle.cancel()
