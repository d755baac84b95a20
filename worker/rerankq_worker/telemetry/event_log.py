"""Logs what happens to jobs, to Redis and to the worker itself: a listener on events."""

import logging
from typing import Final

from rerankq.counting import counted
from rerankq.events import (
    AttemptFailed,
    BrokerLost,
    BrokerRecovered,
    CallbackFailed,
    Events,
    JobDamaged,
    JobFaulted,
    JobRevoked,
    JobsRequeued,
    JobUnclaimable,
    KeyPutAside,
    LedgerCallFailed,
    LedgerOperation,
    LedgerRecovered,
    MessagePutAside,
    OutcomeDropped,
    OutcomeRefused,
    WorkerDrained,
    WorkerDraining,
    WorkerOutdated,
    WorkerRestarting,
)
from rerankq.monitoring.logs.fields import ABOUT, ENDS, about
from rerankq_worker.telemetry.state_log import log_states

log = logging.getLogger(__name__)

_LEDGER: Final = "ledger"
_BROKER: Final = "broker"
_LEDGER_FAILURES: Final = {
    LedgerOperation.CLAIM: "no claim of {jobs}",
    LedgerOperation.RENEW: "leases of {jobs} not renewed",
    LedgerOperation.CONFIRM: "a call waits until its lease is certain",
    LedgerOperation.WRITE: "the outcomes of {jobs} wait to be written",
    LedgerOperation.SWEEP: "cannot look for lost jobs",
    LedgerOperation.PACK_HISTORY: "ended jobs are not in the history yet",
    LedgerOperation.EXCHANGE_PERMITS: "no permits for {subject}",
    LedgerOperation.OPEN_BREAKER: "the breaker of {subject} could not be opened for all workers",
    LedgerOperation.CLOSE_BREAKER: "the breaker of {subject} could not be closed",
}


def log_events(events: Events) -> None:
    """Log the events that an operator should see."""
    events.listen(_attempt_failed, AttemptFailed)
    events.listen(_job_revoked, JobRevoked)
    events.listen(_job_faulted, JobFaulted)
    events.listen(_job_unclaimable, JobUnclaimable)
    events.listen(_job_damaged, JobDamaged)
    events.listen(_key_put_aside, KeyPutAside)
    events.listen(_jobs_requeued, JobsRequeued)
    events.listen(_outcome_refused, OutcomeRefused)
    events.listen(_outcome_dropped, OutcomeDropped)
    events.listen(_ledger_call_failed, LedgerCallFailed)
    events.listen(_ledger_recovered, LedgerRecovered)
    events.listen(_broker_lost, BrokerLost)
    events.listen(_broker_recovered, BrokerRecovered)
    events.listen(_worker_outdated, WorkerOutdated)
    events.listen(_worker_draining, WorkerDraining)
    events.listen(_worker_drained, WorkerDrained)
    events.listen(_worker_restarting, WorkerRestarting)
    events.listen(_message_put_aside, MessagePutAside)
    events.listen(_callback_failed, CallbackFailed)
    log_states(events)


# Jobs.


def _attempt_failed(event: AttemptFailed) -> None:
    # Most messages already name the upstream's request id.
    is_named = (event.request_id or "") in event.message
    known = {
        "status": event.status,
        "cause": event.cause,
        "request id": None if is_named else event.request_id,
    }
    details = ", ".join(f"{name} {value}" for name, value in known.items() if value)
    reason = f"{event.reason} ({details})" if details else event.reason
    log.info(
        "job %s, attempt %d: %s: %s",
        event.job.id,
        event.attempt,
        reason,
        event.message,
        extra=about(event),
    )


def _job_revoked(event: JobRevoked) -> None:
    log.info("job %s was cancelled, or lost to another worker", event.job.id, extra=about(event))


def _job_faulted(event: JobFaulted) -> None:
    log.error("job %s: unforeseen %s", event.job.id, event.origin, extra=about(event))


def _job_unclaimable(event: JobUnclaimable) -> None:
    log.critical("job %s is left alone: %s", event.job.id, event.message, extra=about(event))


def _job_damaged(event: JobDamaged) -> None:
    log.error(
        "job %s left its lane: its record is missing or damaged", event.job.id, extra=about(event)
    )


def _key_put_aside(event: KeyPutAside) -> None:
    log.error(
        "the key %s held something of another type: it lies under %s:put-aside now; "
        "see who else writes to this Redis",
        *(event.key, event.key),
        extra=about(event),
    )


def _jobs_requeued(event: JobsRequeued) -> None:
    log.debug("announcing %s again", counted(event.count, f"{event.lane} job"), extra=about(event))


def _outcome_refused(event: OutcomeRefused) -> None:
    log.info(
        "job %s: its outcome was refused: it had ended%s, or another worker holds it",
        event.job.id,
        " (maybe by an earlier write whose answer was lost)" if event.repeated else "",
        extra=about(event),
    )


def _outcome_dropped(event: OutcomeDropped) -> None:
    log.critical(
        "job %s: an outcome was dropped: %s", event.job.id, event.message, extra=about(event)
    )


def _ledger_call_failed(event: LedgerCallFailed) -> None:
    if event.operation is LedgerOperation.RETURN_PERMITS:
        log.info(
            "permits of %s were not given back: they expire by themselves",
            event.subject,
            extra=about(event),
        )
        return
    failed = _LEDGER_FAILURES[event.operation].format(
        jobs=counted(event.jobs, "job"), subject=event.subject
    )
    log.warning("%s: %s", failed, event.message, extra=about(event, **{ABOUT: _LEDGER}))


def _ledger_recovered(event: LedgerRecovered) -> None:
    log.warning(
        "Redis answers again, after %.0f s", event.seconds, extra=about(event, **{ENDS: _LEDGER})
    )


def _broker_lost(event: BrokerLost) -> None:
    log.error(
        "no messages arrive, and it is tried again until they do: %s",
        event.message,
        extra=about(event, **{ABOUT: _BROKER}),
    )


def _broker_recovered(event: BrokerRecovered) -> None:
    log.warning(
        "connected to Redis again, after %.0f s: messages arrive",
        event.seconds,
        extra=about(event, **{ENDS: _BROKER}),
    )


# The worker itself.


def _worker_draining(event: WorkerDraining) -> None:
    if event.calls:
        log.info(
            "%s may finish within %g s; a second signal ends the wait",
            *(counted(event.calls, "job"), event.seconds),
            extra=about(event),
        )


def _worker_drained(event: WorkerDrained) -> None:
    if event.returned:
        log.warning(
            "gave back %s that did not finish in time",
            counted(event.returned, "job"),
            extra=about(event),
        )
    if event.unwritten:
        log.warning(
            "Redis did not take the outcomes of %s: these are queued again when their leases "
            "expire",
            counted(event.unwritten, "job"),
            extra=about(event),
        )


def _worker_restarting(event: WorkerRestarting) -> None:
    when = "once its calls in flight have ended" if event.may_finish else "now"
    log.critical(
        "this process writes its outcomes and restarts %s: %s",
        when,
        event.reason,
        extra=about(event),
    )


def _worker_outdated(event: WorkerOutdated) -> None:
    log.warning(
        "the worker %s is of an older version: of the jobs and batches that it ends no webhook and "
        "no callback is told; upgrade it",
        event.worker,
        extra=about(event),
    )


def _message_put_aside(event: MessagePutAside) -> None:
    log.warning(
        "a message in %s is no hint (%s): put aside", event.queue, event.fault, extra=about(event)
    )


def _callback_failed(event: CallbackFailed) -> None:
    delay = event.delay_seconds
    log.warning(
        "callback task %s for %s, try %d: %s; %s",
        *(event.task, event.event_id, event.tries, event.message),
        "given up" if delay is None else f"next try in {delay:.0f} s",
        extra=about(event),
    )
