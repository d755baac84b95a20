"""A job that ends every process that touches it."""

import re
from collections.abc import Iterator
from itertools import chain, pairwise

from redis import Redis

from chaos.aftermath import Silence
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.sabotage import SUICIDE_MARK, SUICIDE_WORDS
from chaos.saboteur import command
from rerankq.ledger.leases import MOST_DEATHS
from rerankq.ledger.record_fields import record_from
from rerankq_worker.process.supervisor import RESTART_SECONDS
from running.keys import KEYS
from running.upstream import fingerprint
from running.worker import RunningWorker

LEASE_SECONDS = 2
REASON = "crash_loop"


def _suicide(arena: Arena) -> Report:
    number = arena.load.jobs // 3
    killer = f"n{number}"
    with arena.stage(
        command=command("suicide"),
        marks={number: SUICIDE_MARK},
        # Both lanes: then `rerankq worker` itself restarts a lane that has ended.
        lane="",
        lease_seconds=LEASE_SECONDS,
    ) as stage:
        stage.failing = {killer: REASON}
        stage.start()
        aftermath = stage.settle()
        crashes = list(chain.from_iterable(map(_crashes, stage.workers)))
        with stage.redis.client() as client:
            claims, reason, is_dead = _letter(client, killer)
    struck = [aftermath.unwritten(crash) for crash in crashes]
    report = report_on(aftermath, struck=list(chain.from_iterable(struck)), may_restart=True)
    calls = sum(call.job_id == killer for call in aftermath.calls)
    report.figures |= {"claims of the killer": claims, "crashes": len(crashes)}
    restarts = report.figures["restarts"]
    report.demand(
        restarts <= len(crashes), f"restarts only after crashes: {restarts} for {len(crashes)}"
    )
    # It ends its process instead of making the call, so each of its claims is a crash.
    report.demand(claims == len(crashes), f"a crash for each claim: {len(crashes)} for {claims}")
    report.demand(
        claims <= MOST_DEATHS and calls <= MOST_DEATHS,
        f"at most {MOST_DEATHS} claims: {claims}, with {calls} calls",
    )
    report.demand(
        is_dead and reason == REASON, f"it is a dead letter: {is_dead}, for reason {reason!r}"
    )
    return report


def _crashes(worker: RunningWorker) -> Iterator[Silence]:
    """Each of the worker's processes that ended: the next one calls with the same key."""
    found = re.findall(rf"^{SUICIDE_WORDS}([\d.]+)$", worker.log(), re.MULTILINE)
    for before, at in pairwise([float("-inf"), *map(float, found)]):
        # Calls that the upstream reads within the pause are still those of the dead process.
        begun, until = (moment + RESTART_SECONDS[0] for moment in (before, at))
        yield Silence(fingerprint(worker.api_key), at, until, begun)


def _letter(client: Redis, job_id: str) -> tuple[int, str | None, bool]:
    (stored,) = client.execute_command("MGET", KEYS.job(job_id))  # type: ignore[no-untyped-call]
    record = record_from(stored)
    is_dead = client.zscore(KEYS.dead, job_id) is not None
    return record.get("claims", 0), record.get("reason"), is_dead


CRASH_LOOP = Row(
    name="crash-loop",
    fault="a job that ends its process (os._exit)",
    demand="dead with reason crash_loop after at most 3 claims; all other jobs are done; D <= F",
    play=_suicide,
    short=Load(jobs=200, workers=1),
    # A round lasts three crashes and their leases: the other jobs must last as long.
    long=Load(rounds=5, jobs=1_000, workers=2),
)
