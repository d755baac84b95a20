"""Limits, keys and sites with several real worker processes."""

from pathlib import Path

import requests

from rerankq import JobHandle, RerankClient
from rerankq.accounts.accounts import Limits
from rerankq.accounts.breakers import BreakerState
from running.ledger_desk import LedgerDesk
from running.redis_server import free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually, lasting
from running.worker import RunningWorker

DOCUMENTS = ["one document", "and a second one"]


def submitted(client: RerankClient, count: int, **fields: str) -> list[JobHandle]:
    jobs = ({"query": f"q{n}", "documents": DOCUMENTS} | fields for n in range(count))
    return list(client.submit_many(jobs))


def attempts_of(jobs: list[JobHandle], seconds: float = 40) -> list[int]:
    """Wait for jobs to succeed; returns the attempts of each."""
    return [job.result(timeout=seconds).attempts for job in jobs]


def states(desk: LedgerDesk) -> list[BreakerState]:
    """The states of all open breakers."""
    return [each.state for each in desk.run(desk.breakers.tripped()).values()]


def spans(upstream: RunningSandbox) -> list[tuple[float, float]]:
    """When each call came and ended, in Unix seconds."""
    return sorted(
        (each["time"], each["time"] + each["latency_ms"] / 1000) for each in upstream.log()
    )


def account(upstream: RunningSandbox) -> str:
    return f"127.0.0.1:{upstream.port}"


def test_wrong_key_is_parked_and_another_workers_is_used(redis_url: str, tmp_path: Path) -> None:
    """A refused key is parked; its jobs use no attempt and are done by a worker with a good one."""
    with (
        RunningSandbox(keys=("sk-good",)) as upstream,
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
    ):
        with RunningWorker(redis_url, upstream.url, tmp_path) as worker:
            jobs = submitted(client, 5)
            eventually(lambda: states(desk) == [BreakerState.PARKED], "the key is parked")
            assert all(job.status().attempts == 0 for job in jobs)
            (parked,) = desk.run(desk.breakers.tripped()).values()
            assert (parked.code, "401" in parked.reason) == ("upstream_auth", True)
            assert worker.terminate() == 0
            assert worker.api_key not in f"{parked} {worker.log()}"
        # It may have probed the key until its end.
        refused = upstream.stats()["requests"]
        good = {"RERANKQ_API_KEYS": "sk-good"}
        with RunningWorker(redis_url, upstream.url, tmp_path, environment=good):
            assert attempts_of(jobs) == [1] * 5
        assert states(desk) == [BreakerState.PARKED]
        assert upstream.stats()["requests"] == refused + 5


def test_parked_key_is_used_again_when_it_is_resumed(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A key that an operator resumes is used at once, not only at the next probe."""
    upstream.fault(kind="status", status=401)
    with (
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
        RunningWorker(redis_url, upstream.url, tmp_path),
    ):
        jobs = submitted(client, 1)
        eventually(lambda: states(desk) == [BreakerState.PARKED], "the key is parked")
        jobs += submitted(client, 3)
        desk.run(desk.breakers.reset(*desk.run(desk.breakers.tripped())))
        assert attempts_of(jobs, seconds=20) == [1] * 4


def test_second_key_is_used_when_the_first_is_refused(redis_url: str, tmp_path: Path) -> None:
    """With two keys, jobs use the second while the first is parked."""
    with (
        RunningSandbox(keys=("sk-good",)) as upstream,
        RerankClient(redis_url) as client,
        RunningWorker(
            redis_url, upstream.url, tmp_path, environment={"RERANKQ_API_KEYS": "sk-bad,sk-good"}
        ),
    ):
        assert attempts_of(submitted(client, 1)) == [1]
        assert attempts_of(submitted(client, 5)) == [1] * 5
        assert [each["status"] for each in upstream.log()] == [401] + [200] * 6


def test_outage_uses_no_attempt_once_it_is_known(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """During an outage there is one probe in five seconds; jobs wait, and then succeed."""
    with (
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=10) as worker,
    ):
        upstream.set_faults({"action": {"kind": "status", "status": 502}})
        jobs = submitted(client, 40)

        def broken() -> bool:
            return desk.look(account(upstream)).mode == "broken"

        def quiet() -> bool:
            return not upstream.stats()["in_flight"]

        eventually(lambda: "is broken now" in worker.log(), "the worker knows of the outage")
        eventually(quiet, "the calls from before are over")
        before = upstream.stats()["requests"]
        desk.let_pass(5, account(upstream))
        eventually(lambda: upstream.stats()["requests"] > before, "a probe")
        assert upstream.stats()["requests"] == before + 1
        assert broken()
        requests.delete(f"{upstream.base}/_sandbox/faults", timeout=10).raise_for_status()
        desk.let_pass(5, account(upstream))
        used = attempts_of(jobs)
        # Only jobs that failed before the outage was known have used one more attempt.
        assert sum(used) - len(jobs) <= before
        assert upstream.stats()["requests"] == before + 1 + len(jobs)


def test_next_site_takes_over_when_the_first_is_out(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """If two sites serve a model, the second is used, by its own name, while the first is out."""
    file = tmp_path / "sites.toml"
    file.write_text(
        "\n".join(
            f'[[sites]]\nname = "{name}"\nurl = "{url}"\nmodels = {{ plain = "{model}" }}\n'
            '[[sites.accounts]]\nname = "main"\nkeys = ["SITE_KEY"]\n'
            for name, url, model in (
                ("first", f"http://127.0.0.1:{free_port()}/v1/rerank", "first/m"),
                ("second", upstream.url, "second/m"),
            )
        )
    )
    with (
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
        RunningWorker(
            redis_url, "", tmp_path, upstream_file=file, environment={"SITE_KEY": "sk-test"}
        ),
    ):
        jobs = submitted(client, 20, model="plain")
        results = [job.result(timeout=40) for job in jobs]
        assert {result.model for result in results} == {"plain"}
        assert {each["model"] for each in upstream.log()} == {"second/m"}
        assert desk.look("first/main").mode == "broken"
        assert desk.look("second/main").mode == "open"
        assert desk.run(desk.accounts.names()) == ["first/main", "second/main"]


def test_an_account_at_its_limit_does_not_hold_up_another(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A job for an idle account is served at once, although many jobs wait for a busy one."""
    file = tmp_path / "sites.toml"
    file.write_text(
        "".join(
            f'[[sites]]\nname = "{name}"\nurl = "{upstream.url}"\nmodels = {{ {name} = "m" }}\n'
            f'[[sites.accounts]]\nname = "main"\nkeys = ["SITE_KEY"]\n{limit}\n'
            for name, limit in (("slow", "rpm = 120"), ("fast", ""))
        )
    )
    with (
        RerankClient(redis_url) as client,
        RunningWorker(
            redis_url, "", tmp_path, upstream_file=file, environment={"SITE_KEY": "sk-test"}
        ),
    ):
        crowd = submitted(client, 150, model="slow")
        (idle,) = submitted(client, 1, model="fast")
        assert idle.result(timeout=10).attempts == 1
        assert not all(each.status().state.ended for each in crowd)


def test_two_processes_keep_to_limits_together(redis_url: str, tmp_path: Path) -> None:
    """With any number of processes the upstream gets no more calls than the account allows."""
    with (
        RunningSandbox(latency_ms=200) as upstream,
        RerankClient(redis_url) as client,
        RunningWorker(redis_url, upstream.url, tmp_path, rpm=600, concurrency=3),
        RunningWorker(redis_url, upstream.url, tmp_path, rpm=600, concurrency=3),
    ):
        attempts_of(submitted(client, 20))
        calls = spans(upstream)
    assert len(calls) == 20
    # Ten a second, and a lot of half a second; on a busy machine one call may come late.
    for first, (began, _) in enumerate(calls):
        for count, (later, _) in enumerate(calls[first:], 1):
            assert count <= 10 * (later - began) + 5 + 2
    under_way = [sum(began <= at < ended for began, ended in calls) for at, _ in calls]
    assert max(under_way) <= 3


def test_long_calls_keep_their_slots(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A worker whose only call takes longer than six seconds does not count as dead."""
    name, one = account(upstream), Limits(concurrency=1)
    upstream.fault(kind="delay", seconds=7)
    with (
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
        RunningWorker(redis_url, upstream.url, tmp_path, concurrency=1),
    ):

        def slots_of_another() -> int | None:
            return desk.exchange("other", one, account=name, want=1, want_slots=1).slots

        jobs = submitted(client, 1)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call is in flight")
        lasting(2.5, lambda: slots_of_another() == 0, "the worker has reported that it began")
        # Without another report the worker's six seconds would end before the call does.
        desk.let_pass(3, name)
        lasting(3.5, lambda: slots_of_another() == 0, "the slot is the worker's")
        assert attempts_of(jobs) == [1]
        eventually(lambda: slots_of_another() == 1, "the slot is free")


def test_paused_account_begins_no_call(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """Jobs of a paused account wait without an attempt, and are called for when it is resumed."""
    with (
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
        RunningWorker(redis_url, upstream.url, tmp_path),
    ):
        name = f"account {account(upstream)}"
        desk.trip(name, state=BreakerState.PAUSED, probe_seconds=None)
        jobs = submitted(client, 3)
        lasting(1.0, lambda: upstream.stats()["requests"] == 0, "no call is made")
        desk.run(desk.breakers.reset(name))
        assert attempts_of(jobs) == [1] * 3
