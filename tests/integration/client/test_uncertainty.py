"""What a client reports of a call whose first try got no answer."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import JobState
from rerankq.errors import LedgerUnavailable
from running.command import rerankq
from running.proxy import Proxy
from running.redis_server import RedisServer, free_port

DRAFT: dict[str, Any] = {"query": "q", "documents": ["d"]}
MANY: list[Any] = [DRAFT | {"job_id": f"job-{number}"} for number in range(8)]

Call = Callable[[RerankClient], object]
CALLS: dict[str, Call] = {
    "submit": lambda client: client.submit(**DRAFT, job_id="job-0"),
    "submit_many, few": lambda client: list(client.submit_many(MANY[:2])),
    "submit_many, many": lambda client: list(client.submit_many(MANY)),
    "cancel": lambda client: client.cancel("earlier"),
    "seal": lambda client: client.batch("batch").seal(),
}
REFUSALS: dict[str, Callable[[Redis], object]] = {
    "read-only": lambda judge: judge.replicaof("127.0.0.1", free_port()),
    "forbidden": lambda judge: judge.acl_setuser("default", enabled=True, commands=["-evalsha"]),
    "out of memory": lambda judge: judge.config_set("maxmemory", "1"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("call", CALLS)
def test_a_refused_repeat_is_uncertain(own_redis: RedisServer, call: str, refusal: str) -> None:
    """If the first answer was lost, a later refusal does not make the call certainly failed."""
    with (
        own_redis.client() as judge,
        Proxy(own_redis.port) as proxy,
        RerankClient(proxy.url) as client,
    ):
        client.submit(**DRAFT, job_id="earlier")
        judge.hset("rerankq:batch:batch", "sealed", 0)
        proxy.lose_answer(b"EVALSHA", lambda: REFUSALS[refusal](judge))
        error = error_of(lambda: CALLS[call](client))
        if error:
            assert error.uncertain
            assert "nothing was recorded" not in str(error)
        if call.startswith("submit"):
            # Its repeat writes nothing, so a Redis that refuses writes may answer what it did.
            assert error is None or "may be recorded" in str(error)
            assert error or refusal != "forbidden"
            assert judge.exists("rerankq:job:job-0")
        else:
            assert error


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("connected", [False, True], ids=["first contact", "in use"])
def test_an_unsent_call_is_certain(
    own_redis: RedisServer,
    call: str,
    connected: bool,  # noqa: FBT001  a case
) -> None:
    """Without a connection nothing of the call was sent, so certainly nothing is recorded."""
    with RerankClient(own_redis.url) as client:
        if connected:
            client.submit(**DRAFT, job_id="earlier")
        own_redis.stop()
        error = error_of(lambda: CALLS[call](client))
    assert error
    assert not error.uncertain
    assert "cannot be reached" in str(error)
    assert "may be recorded" not in str(error)


def test_a_repeated_cancel_says_what_it_finds(own_redis: RedisServer) -> None:
    """If the first answer to a cancel is lost, the second says that the job is cancelled."""
    with Proxy(own_redis.port) as proxy, RerankClient(own_redis.url) as client:
        job_id = client.submit(**DRAFT).id
        client.submit(**DRAFT).cancel()  # from now on Redis knows the script
        proxy.lose_answer(b"EVALSHA", lambda: None)
        said = rerankq("cancel", job_id, RERANKQ_REDIS_URL=proxy.url)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout == "cancelled; it was cancelled already\n"
        assert client.status(job_id).state is JobState.CANCELLED


def error_of(call: Callable[[], object]) -> LedgerUnavailable | None:
    """The error of a call; None if it succeeds."""
    try:
        call()
    except LedgerUnavailable as error:
        return error
    return None
