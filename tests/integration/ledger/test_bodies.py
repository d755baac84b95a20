"""Payloads and results are sent with a script, or beside it in a transaction, and clean up."""

import json
import time
import traceback
from typing import Any

import pytest

from rerankq.contract import JobState, RerankRequest
from rerankq.errors import JobFailed, LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.intake import Verdict
from rerankq.ledger.leases import Finish, Lease, Leases
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, ids, job, ranking
from running.redis_server import RedisServer
from running.waiting import eventually


def left_over(desk: LedgerDesk) -> list[Any]:
    """Keys that exist only during a transaction."""
    return [*desk.redis.keys("rerankq:staged:*"), *desk.redis.keys("rerankq:submitting:*")]


def finish(lease: Lease) -> Finish:
    """A ranking for a lease."""
    return Finish(lease, 1, JobState.SUCCEEDED, outcomes.success(ranking(lease.job_id).encode()))


def stored(desk: LedgerDesk, name: str) -> dict[str, Any]:
    """A result as it is stored in Redis."""
    found: dict[str, Any] = json.loads(desk.redis.get(KEYS.result(name)) or "{}")
    return found


def claimed_and_ended(desk: LedgerDesk, leases: Leases, *names: str) -> None:
    """Claim jobs and end them, as the same worker."""
    ends = [finish(lease) for lease in desk.run(leases.claim(names)).leases]
    assert desk.run(leases.finish(ends)) == [True] * len(names)


@pytest.fixture(params=["with the script", "beside it"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bodies are sent with the script, many beside it: each rule holds for both."""
    if request.param == "beside it":
        for module in ("intake", "leases"):
            monkeypatch.setattr(f"rerankq.ledger.{module}.BESIDE_FROM", 1)


def test_first_payload_of_an_id_stays(desk: LedgerDesk) -> None:
    """An id that is submitted again with other texts keeps its first ones."""
    first, second = (
        job("a", request=RerankRequest(query=query, documents=("d",))) for query in ("one", "two")
    )
    desk.submit(first)
    desk.submit(second, job("b"))
    payloads = {lease.job_id: lease.payload for lease in desk.claim("a", "b")}
    assert b'"one"' in payloads["a"]
    assert payloads.keys() == {"a", "b"}
    assert left_over(desk) == []


def test_id_twice_in_a_call_is_one_job(desk: LedgerDesk) -> None:
    """An id that is twice in one call is one job, with the first payload."""
    first, second = (
        job("a", request=RerankRequest(query=query, documents=("d",))) for query in ("one", "two")
    )
    verdicts = [each.verdict for each in desk.submit(first, second)]
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert b'"one"' in desk.claim("a")[0].payload
    assert desk.claim("a", "a") == []


def test_job_named_twice_is_claimed_once(desk: LedgerDesk) -> None:
    """A job that a hint names twice is claimed once."""
    desk.submit(job("a"), job("b"))
    assert ids(desk.claim("a", "b", "a")) == ["a", "b"]


def test_refused_jobs_leave_no_payload(redis_url: str) -> None:
    """A job that a submit refuses, or that has ended, leaves no payload."""
    with LedgerDesk(redis_url, max_queue_depth=2) as desk:
        desk.succeed(desk.claimed("ended"))
        desk.submit(job("first", idempotency_key="k"))
        admissions = desk.submit(
            job("ended"), job("same", idempotency_key="k"), job("lost", batch_id="batch-none"),
            job("fits"), job("full"),
        )  # fmt: skip
        assert [each.verdict for each in admissions] == [
            Verdict.ACCEPTED, Verdict.EXISTING, Verdict.NO_BATCH, Verdict.ACCEPTED, Verdict.FULL,
        ]  # fmt: skip
        payloads = sorted(desk.redis.keys("rerankq:payload:*"))
        assert payloads == [b"rerankq:payload:first", b"rerankq:payload:fits"]
        assert left_over(desk) == []


def test_refused_result_leaves_nothing(desk: LedgerDesk) -> None:
    """A result with a stale token is not stored, and not left staged."""
    lease = desk.claimed("a")
    desk.cancel("a")
    end = desk.redis.get(KEYS.result("a"))
    assert not desk.succeed(lease)
    assert desk.redis.get(KEYS.result("a")) == end
    assert left_over(desk) == []


def test_same_end_twice_in_a_call_counts_once(desk: LedgerDesk) -> None:
    """Two ends under one lease in one call: the first counts."""
    lease = desk.claimed("a")
    assert desk.run(desk.leases().finish([finish(lease), finish(lease)])) == [True, False]
    assert desk.state("a") is JobState.SUCCEEDED
    assert left_over(desk) == []


def test_forgotten_scripts_are_sent_again(desk: LedgerDesk) -> None:
    """A Redis that has lost its scripts gets them again from the next call."""
    desk.redis.script_flush()
    desk.submit(job("a"), job("b"))
    desk.redis.script_flush()
    a, b = desk.claim("a", "b")
    desk.redis.script_flush()
    assert desk.succeed(a)
    desk.cancel("b")
    desk.redis.script_flush()
    assert not desk.succeed(b)
    assert desk.state("b") is JobState.CANCELLED
    assert left_over(desk) == []


def missed_scripts(desk: LedgerDesk) -> int:
    """How often Redis was asked for a script that it did not know."""
    errors: Any = desk.redis.info("errorstats")
    return int(errors.get("errorstat_NOSCRIPT", {"count": 0})["count"])


def test_a_script_is_loaded_before_bodies_are_sent(own_redis: RedisServer) -> None:
    """A restarted Redis has no scripts, and gets them before any payload or result."""
    with LedgerDesk(own_redis.url) as desk:
        desk.submit(job("a"), job("b"))
        assert missed_scripts(desk) == 0
        own_redis.stop()
        own_redis.start()
        desk.submit(job("c"), job("d"))
        assert missed_scripts(desk) == 0


def test_user_without_the_right_to_load_scripts_is_served(own_redis: RedisServer) -> None:
    """If Redis does not allow loading scripts ahead, each call brings its own."""
    with LedgerDesk(own_redis.url) as desk:
        desk.redis.acl_setuser(
            "default",
            enabled=True,
            nopass=True,
            keys="*",
            channels="*",
            commands=["+@all", "-script"],
        )
        desk.submit(job("a"), job("b"))
        assert desk.places("a") == desk.places("b") == ["bulk:queued"]


def test_dates_are_from_redis_clock(desk: LedgerDesk) -> None:
    """The date in a result is the time of the end in the job's record."""
    leases = desk.leases()
    desk.submit(job("a"))
    claimed_and_ended(desk, leases, "a")
    finished = desk.status("a").finished_at
    assert finished is not None
    assert stored(desk, "a")["date_done"] == outcomes.date_done(round(finished * 1000)).decode()
    assert desk.now_ms() / 1000 - 5 < finished <= desk.now_ms() / 1000
    assert 0 < desk.redis.pttl(KEYS.result("a")) <= 60_000


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_wrong_clock_is_put_right(
    desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """A worker whose clock jumps still writes Redis' time."""
    desk.submit(job("a"))
    leases = desk.leases()
    (lease,) = desk.run(leases.claim(["a"])).leases
    before = desk.now_ms()
    clock = time.monotonic
    monkeypatch.setattr("rerankq.store.clock.time.monotonic", lambda: clock() + seconds)
    assert desk.run(leases.finish([finish(lease)])) == [True]
    monkeypatch.undo()
    finished = desk.status("a").finished_at
    assert finished is not None
    assert before <= finished * 1000 <= desk.now_ms()
    assert stored(desk, "a")["date_done"] == outcomes.date_done(round(finished * 1000)).decode()


@pytest.mark.parametrize("by_pattern", [True, False])
def test_every_listener_gets_the_result(desk: LedgerDesk, by_pattern: bool) -> None:  # noqa: FBT001
    """An end is published whole, to listeners of the channel and of a pattern alike."""
    lease = desk.claimed("a")
    channel = KEYS.result("a")
    pubsub: Any = desk.redis.pubsub
    with pubsub(ignore_subscribe_messages=True) as listener:
        if by_pattern:
            listener.psubscribe("celery-task-meta-*")
        else:
            listener.subscribe(channel)
        listener.get_message(timeout=5)
        assert desk.succeed(lease)
        message = listener.get_message(timeout=5)
    assert message is not None
    assert message["data"] == desk.redis.get(channel)


@pytest.mark.parametrize("pattern", ["celery-task-meta-*", "/0.rerankq.pidbox"])
def test_patterns_of_others_cost_nothing(own_redis: RedisServer, pattern: str) -> None:
    """Subscribers by a pattern of results get each; for other patterns one a call is published."""
    names = list("abcdefgh")
    with LedgerDesk(own_redis.url) as desk:
        pubsub: Any = desk.redis.pubsub
        with pubsub(ignore_subscribe_messages=True) as listener:
            listener.psubscribe(pattern)
            listener.get_message(timeout=5)
            desk.submit(*map(job, names))
            desk.redis.config_resetstat()
            claimed_and_ended(desk, desk.leases(), *names)
            published = desk.redis.info("commandstats")["cmdstat_publish"]["calls"]
            expected = len(names) if pattern.endswith("*") else 1
            assert published == expected
            if expected > 1:
                heard = [listener.get_message(timeout=5) for _ in names]
                assert [each["channel"] for each in heard if each] == [
                    KEYS.result(name).encode() for name in names
                ]


def test_listener_at_a_replica_hears_the_result(
    own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An end is published without listeners here when a replica may have listeners."""
    with (
        RedisServer(tmp_path_factory.mktemp("replica")) as replica,
        LedgerDesk(own_redis.url) as desk,
        replica.client() as other,
        other.pubsub(ignore_subscribe_messages=True) as listener,
    ):
        desk.redis.config_set("repl-diskless-sync-delay", 0)
        other.replicaof("127.0.0.1", own_redis.port)
        lease = desk.claimed("a")
        eventually(lambda: desk.redis.wait(1, 500), "the replica follows")
        listener.subscribe(KEYS.result("a"))
        listener.get_message(timeout=5)
        assert desk.succeed(lease)
        message = listener.get_message(timeout=10)
        assert message is not None
        assert message["data"] == desk.redis.get(KEYS.result("a"))


def test_user_who_may_not_ask_who_listens_ends_jobs(own_redis: RedisServer) -> None:
    """If INFO is forbidden, ends are still written, reported as written, and published."""
    with LedgerDesk(own_redis.url) as desk:
        desk.redis.acl_setuser(
            "app",
            enabled=True,
            passwords="+pw",
            keys="*",
            channels="*",
            categories=["+@all", "-@dangerous"],
            commands=["-pubsub"],
        )
        lease = desk.claimed("a")
        pubsub: Any = desk.redis.pubsub
        url = own_redis.url.replace("redis://", "redis://app:pw@")
        with pubsub(ignore_subscribe_messages=True) as listener, LedgerDesk(url) as user:
            listener.subscribe(KEYS.result("a"))
            listener.get_message(timeout=5)
            assert user.succeed(lease)
            assert listener.get_message(timeout=5)["data"] == desk.redis.get(KEYS.result("a"))


def test_refusal_quotes_no_job_and_keeps_nothing(own_redis: RedisServer) -> None:
    """When Redis is out of memory it takes no job, and the error quotes none of it."""
    with LedgerDesk(own_redis.url) as desk:
        desk.redis.config_set("maxmemory", "1mb")
        secret = RerankRequest(query="s3cret", documents=("d",))
        with pytest.raises(LedgerUnavailable, match="out of memory") as caught:
            desk.submit(job("a", request=secret))
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
        assert desk.redis.keys() == []


def test_failing_submit_leaves_nothing(desk: LedgerDesk) -> None:
    """If the ledger cannot record jobs, it keeps neither payloads nor records of them."""
    desk.submit(job("first"))
    before = sorted(desk.redis.keys())
    desk.redis.rename("rerankq:bulk:queued", "aside")
    desk.redis.set("rerankq:bulk:queued", "no sorted set")
    for lane in ("bulk", "interactive"):
        with pytest.raises(LedgerUnavailable):
            desk.submit(job("a", lane=lane), job("b"), job("c", not_before=time.time() + 60))
    desk.redis.rename("aside", "rerankq:bulk:queued")
    # The place in the queue that was given is not taken back.
    assert sorted(set(desk.redis.keys()) - {b"rerankq:interactive"}) == before
    desk.submit(job("a"), job("b"))
    assert ids(desk.claim("first", "a", "b")) == ["first", "a", "b"]


def test_submit_that_fails_late_leaves_whole_jobs(desk: LedgerDesk) -> None:
    """If only a later step of recording fails, the job itself is complete and can be done."""
    desk.redis.set("rerankq:deadlines", "no sorted set")
    with pytest.raises(LedgerUnavailable):
        desk.submit(job("a", deadline_seconds=60), job("b"))
    assert ids(desk.claim("a", "b")) == ["a", "b"]
    assert desk.has_payload("a")
    assert left_over(desk) == []


def test_failing_finish_leaves_nothing(desk: LedgerDesk) -> None:
    """If the ledger cannot end jobs, it keeps no staged results of them."""
    desk.submit(job("a"), job("b"))
    a, b = desk.claim("a", "b")
    failure = outcomes.failure(JobFailed("upstream_refused", "no"))
    ends = [Finish(a, 1, JobState.FAILED, failure, reason="upstream_refused"), finish(b)]
    desk.redis.set("rerankq:dead", "no sorted set")
    with pytest.raises(LedgerUnavailable):
        desk.run(desk.leases().finish(ends))
    assert left_over(desk) == []
    assert desk.places("a") == desk.places("b") == ["bulk:running"]
    desk.redis.delete("rerankq:dead")
    assert desk.run(desk.leases().finish(ends)) == [True, True]
