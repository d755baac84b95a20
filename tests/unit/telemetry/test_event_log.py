"""The log lines of a worker's events."""

import logging

import pytest

from rerankq.contract import Lane
from rerankq.events import (
    AttemptFailed,
    BreakerClosed,
    BreakerNotOpened,
    BreakerOpened,
    BrokerLost,
    BrokerRecovered,
    CallbackFailed,
    Event,
    Events,
    JobDamaged,
    JobFaulted,
    JobRef,
    JobRevoked,
    JobsRequeued,
    JobUnclaimable,
    KeyPutAside,
    LedgerCallFailed,
    LedgerOperation,
    LedgerRecovered,
    LimitFound,
    LimitsDiffer,
    MessagePutAside,
    OutcomeDropped,
    OutcomeRefused,
    WorkerDrained,
    WorkerDraining,
    WorkerIsolated,
    WorkerOutdated,
    WorkerReconnected,
    WorkerRestarting,
)
from rerankq_worker.telemetry.event_log import log_events
from rerankq_worker.telemetry.state_log import states

STATES = states.name
JOB = JobRef("j", Lane.BULK)
OTHERS = "see who else writes to this Redis"
LOWER = "other workers name lower ones"
AGAIN = "these are queued again when their leases expire"
ANEW = "this process writes its outcomes and restarts"
OLD = "of the jobs and batches that it ends no webhook and no callback is told; upgrade it"
TOO_MANY = "too many breakers are open"
UNTIL = (
    "until it does, it takes no jobs for this account; check its network, proxy and DNS, and "
    "whether the vendor admits its address"
)


def callback_failed(delay_seconds: float | None) -> CallbackFailed:
    return CallbackFailed(
        task="shop.t",
        queue=None,
        event_id="evt_job_j",
        event_type="job.succeeded",
        tries=2,
        seconds=0.1,
        message="no answer",
        delay_seconds=delay_seconds,
    )


def failed(message: str, **known: str | int) -> AttemptFailed:
    fields = {"status": None, "cause": None, "request_id": None} | known
    return AttemptFailed(
        job=JOB,
        attempt=1,
        reason="upstream_unavailable",
        message=message,
        **fields,  # type: ignore[arg-type]  # of three fields
    )


def away(operation: LedgerOperation, subject: str = "", jobs: int = 0) -> LedgerCallFailed:
    return LedgerCallFailed(operation=operation, subject=subject, jobs=jobs, message="no answer")


LINES: list[tuple[Event, str]] = [
    (failed("oh"), "INFO job j, attempt 1: upstream_unavailable: oh"),
    (
        failed("oh", status=502, request_id="r1"),
        "INFO job j, attempt 1: upstream_unavailable (status 502, request id r1): oh",
    ),
    (
        failed("oh (request id r1)", request_id="r1", cause="dns"),
        "INFO job j, attempt 1: upstream_unavailable (cause dns): oh (request id r1)",
    ),
    (JobRevoked(job=JOB), "INFO job j was cancelled, or lost to another worker"),
    (
        JobFaulted(job=JOB, origin="KeyError at a.py:7"),
        "ERROR job j: unforeseen KeyError at a.py:7",
    ),
    (JobUnclaimable(job=JOB, message="no"), "CRITICAL job j is left alone: no"),
    (JobDamaged(job=JOB), "ERROR job j left its lane: its record is missing or damaged"),
    (
        KeyPutAside(key="k"),
        "ERROR the key k held something of another type: it lies under k:put-aside now; " + OTHERS,
    ),
    (JobsRequeued(lane=Lane.BULK, count=3), "DEBUG announcing 3 bulk jobs again"),
    (
        OutcomeRefused(job=JOB, repeated=False),
        "INFO job j: its outcome was refused: it had ended, or another worker holds it",
    ),
    (OutcomeDropped(job=JOB, message="no"), "CRITICAL job j: an outcome was dropped: no"),
    (away(LedgerOperation.CLAIM, jobs=7), "WARNING no claim of 7 jobs: no answer"),
    (
        away(LedgerOperation.RETURN_PERMITS, "a"),
        "INFO permits of a were not given back: they expire by themselves",
    ),
    (away(LedgerOperation.EXCHANGE_PERMITS, "a"), "WARNING no permits for a: no answer"),
    (LedgerRecovered(seconds=12.3), "WARNING Redis answers again, after 12 s"),
    (
        BrokerLost(message="no answer"),
        "ERROR no messages arrive, and it is tried again until they do: no answer",
    ),
    (
        BrokerRecovered(seconds=12.3),
        "WARNING connected to Redis again, after 12 s: messages arrive",
    ),
    (
        BreakerOpened(breaker="key a 1f", state="parked", reason="upstream_billing", message="no"),
        "ERROR the breaker of key a 1f is open: parked (upstream_billing): no",
    ),
    (
        BreakerOpened(breaker="model a m", state="doubted", reason="upstream_model", message="no"),
        "WARNING the breaker of model a m is open: doubted (upstream_model): no",
    ),
    (
        BreakerOpened(breaker="account a", state="broken", reason="upstream_unavailable (502)"),
        "WARNING the account a is broken now: upstream_unavailable (502)",
    ),
    (BreakerClosed(breaker="account a"), "INFO the account a is usable again"),
    (BreakerClosed(breaker="key a 1f"), "WARNING the breaker of key a 1f is closed again"),
    (
        BreakerNotOpened(breaker="model a m", reason="upstream_model"),
        "WARNING the breaker of model a m stays closed (upstream_model): " + TOO_MANY,
    ),
    (
        LimitFound(account="a", rate=12.345, slots=4),
        "INFO a has a limit: 12.3 calls a second, 4 of them at once in this worker",
    ),
    (
        LimitsDiffer(account="a", in_force={"rpm": 60}, own={}),
        "WARNING limits of a in force are {'rpm': 60}, and none are set here: " + LOWER,
    ),
    (
        WorkerIsolated(account="a", cause="dns"),
        "ERROR this worker alone gets no rankings from a (dns): " + UNTIL,
    ),
    (
        WorkerOutdated(worker="bulk.old"),
        f"WARNING the worker bulk.old is of an older version: {OLD}",
    ),
    (WorkerReconnected(account="a"), "WARNING this worker gets rankings from a again"),
    (
        WorkerDraining(calls=3, seconds=30.0),
        "INFO 3 jobs may finish within 30 s; a second signal ends the wait",
    ),
    (
        WorkerDrained(seconds=30.0, returned=2, unwritten=0),
        "WARNING gave back 2 jobs that did not finish in time",
    ),
    (
        WorkerDrained(seconds=5.0, returned=0, unwritten=4),
        "WARNING Redis did not take the outcomes of 4 jobs: " + AGAIN,
    ),
    (
        WorkerRestarting(reason="Celery has not run for 10 s", may_finish=True),
        f"CRITICAL {ANEW} once its calls in flight have ended: Celery has not run for 10 s",
    ),
    (
        WorkerRestarting(reason="the event loop is blocked", may_finish=False),
        f"CRITICAL {ANEW} now: the event loop is blocked",
    ),
    (
        MessagePutAside(queue="rerank.bulk", fault="not_json", size=7),
        "WARNING a message in rerank.bulk is no hint (not_json): put aside",
    ),
    (
        callback_failed(delay_seconds=5.4),
        "WARNING callback task shop.t for evt_job_j, try 2: no answer; next try in 5 s",
    ),
    (
        callback_failed(delay_seconds=None),
        "WARNING callback task shop.t for evt_job_j, try 2: no answer; given up",
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[line[:40] for _, line in LINES])
def test_an_event_is_one_line(event: Event, line: str, caplog: pytest.LogCaptureFixture) -> None:
    """A line names each known fact once; its level says whether an operator is needed."""
    caplog.set_level(logging.DEBUG)
    events = Events()
    log_events(events)
    events.tell(event)
    assert [f"{each.levelname} {each.getMessage()}" for each in caplog.records] == [line]
    changes_state = event.name.split(".")[0] in {"breaker", "limit", "limits"}
    changes_state |= isinstance(event, WorkerIsolated | WorkerReconnected)
    assert (caplog.records[0].name == STATES) == changes_state


@pytest.mark.parametrize("operation", LedgerOperation)
def test_every_operation_has_words(
    operation: LedgerOperation, caplog: pytest.LogCaptureFixture
) -> None:
    """Each operation of the ledger has a log line for its failure."""
    caplog.set_level(logging.INFO)
    events = Events()
    log_events(events)
    events.tell(away(operation, "a", jobs=1))
    assert len(caplog.messages) == 1
