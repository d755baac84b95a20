"""The spans of a worker's jobs, made of events: each attempt with its waits, its call, its end.

    wait in queue          from when the job could run to its claim
    process rerankq.LANE   the attempt, from its claim until the ledger has its outcome
      claim                the call to the ledger that gave this worker the job
      wait for permit
      rerank MODEL         the call of the endpoint
      complete             from the call's end until the outcome is in the ledger

Both at the top are children of the span in which the job was submitted. Nothing is kept of a job
that is not sampled.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from rerankq.events import (
    RANKED,
    CallFinished,
    Event,
    Events,
    JobClaimed,
    JobExpired,
    JobFailed,
    JobReleased,
    JobRetried,
    JobRevoked,
    JobSucceeded,
    OutcomeDropped,
    OutcomeRefused,
    PermitWaited,
)
from rerankq.monitoring.traces import attributes as named
from rerankq.monitoring.traces.endpoint import Endpoint
from rerankq.monitoring.traces.parents import SAMPLED, origin_of, span_context, within
from rerankq.monitoring.traces.sending import Traces

MOST_JOBS: Final = 20_000
"""Attempts that are traced at the same time; more than a worker ever holds."""
_NANOS: Final = 1_000_000_000


@dataclass(slots=True)
class _Attempt:
    span: Span
    within: Context
    call_ended: int = 0


class JobTraces:
    """Makes the spans of the jobs that a worker claims.

    Args:
        events: of the worker.
        traces: makes and sends spans.
        endpoints: of the sites, by their names.
    """

    def __init__(self, events: Events, traces: Traces, endpoints: Mapping[str, Endpoint]) -> None:
        self._tracer = traces.tracer
        self._sampler = traces.sampler
        self._endpoints = endpoints
        self._attempts: dict[str, _Attempt] = {}
        events.listen(self._claimed, JobClaimed)
        events.listen(self._permitted, PermitWaited)
        events.listen(self._called, CallFinished)
        events.listen(self._succeeded, JobSucceeded)
        events.listen(self._failed, JobFailed)
        events.listen(self._retried, JobRetried)
        for kind, outcome in _OTHER_ENDS.items():
            events.listen(_ends(self, outcome), kind)

    def _claimed(self, event: JobClaimed) -> None:
        job = event.job
        if job.traceparent and job.traceparent[-1] not in SAMPLED:
            return
        if len(self._attempts) >= MOST_JOBS:
            return
        parent = span_context(job.traceparent) or origin_of(job.id, self._sampler)
        if not parent.trace_flags.sampled:
            return
        if job.id in self._attempts:
            # Its lease was lost, and this worker has claimed it again.
            self._end(job.id, "lost")
        context = within(parent)
        now = time.time_ns()
        claim_sent = now - int(event.claim_seconds * _NANOS)
        about = _about(job.id, job.batch_id, job.tenant, job.request_id)
        waited = self._tracer.start_span(
            "wait in queue",
            context,
            attributes=about,
            start_time=claim_sent - int(event.waited_seconds * _NANOS),
        )
        waited.end(claim_sent)
        carrier = span_context(event.carrier)
        lane = job.lane.queue if job.lane else ""
        span = self._tracer.start_span(
            f"process {lane}",
            context,
            SpanKind.CONSUMER,
            about
            | {
                named.MESSAGING_SYSTEM: "rerankq",
                named.MESSAGING_OPERATION: "process",
                named.MESSAGING_OPERATION_TYPE: "process",
                named.DESTINATION: lane,
                named.MESSAGE_ID: job.id,
                named.MODEL: job.model,
                named.ATTEMPT: event.attempts + 1,
            },
            [Link(carrier)] if carrier else (),
            claim_sent,
        )
        attempt = self._attempts[job.id] = _Attempt(span, within(span))
        self._tracer.start_span("claim", attempt.within, start_time=claim_sent).end(now)

    def _permitted(self, event: PermitWaited) -> None:
        attempt = self._attempts.get(event.job.id)
        if attempt is None:
            return
        now = time.time_ns()
        self._tracer.start_span(
            "wait for permit",
            attempt.within,
            attributes={named.SITE: event.site, named.ACCOUNT: event.account},
            start_time=now - int(event.seconds * _NANOS),
        ).end(now)

    def _called(self, event: CallFinished) -> None:
        attempt = self._attempts.get(event.call.job_id)
        if attempt is None:
            return
        attempt.call_ended = time.time_ns()
        span = self._tracer.start_span(
            f"{named.RERANK} {event.call.model}",
            attempt.within,
            SpanKind.CLIENT,
            self._of_call(event),
            start_time=attempt.call_ended - int(event.seconds * _NANOS),
        )
        if event.outcome != RANKED:
            span.set_status(Status(StatusCode.ERROR))
        span.end(attempt.call_ended)

    def _of_call(self, event: CallFinished) -> dict[str, Any]:
        call = event.call
        told: dict[str, Any] = {
            named.OPERATION: named.RERANK,
            named.MODEL: call.model,
            named.HTTP_METHOD: "POST",
            named.HTTP_STATUS: event.status,
            named.RESPONSE_ID: event.request_id,
            named.ERROR_TYPE: None if event.outcome == RANKED else event.outcome,
            named.CAUSE: event.cause,
            # The first is often 0 where the second is not: reranking makes no tokens.
            named.INPUT_TOKENS: event.prompt_tokens or event.total_tokens or None,
            named.SITE: call.site,
            named.ACCOUNT: call.account,
            named.KEY_ID: call.key_id,
            named.ATTEMPT: call.attempt,
        }
        if endpoint := self._endpoints.get(call.site):
            told[named.PROVIDER] = endpoint.provider
            told[named.SERVER_ADDRESS] = endpoint.host
            told[named.SERVER_PORT] = endpoint.port
        return _known(told)

    def _succeeded(self, event: JobSucceeded) -> None:
        more = {named.ESTIMATED_TOKENS: event.estimated_tokens}
        self._end(event.job.id, "succeeded", more=more)

    def _failed(self, event: JobFailed) -> None:
        self._end(event.job.id, "failed", event.reason)

    def _retried(self, event: JobRetried) -> None:
        more = {named.DELAY: event.delay_seconds}
        self._end(event.job.id, "retried", event.reason, more=more)

    def _end(
        self,
        job_id: str,
        outcome: str,
        reason: str | None = None,
        *,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """End the span of an attempt, if it has one."""
        attempt = self._attempts.pop(job_id, None)
        if attempt is None:
            return
        now = time.time_ns()
        if attempt.call_ended:
            self._tracer.start_span("complete", attempt.within, start_time=attempt.call_ended).end(
                now
            )
        told = {named.OUTCOME: outcome, named.ERROR_TYPE: reason, **(more or {})}
        attempt.span.set_attributes(_known(told))
        if reason is not None:
            attempt.span.set_status(Status(StatusCode.ERROR))
        attempt.span.end(now)


_OTHER_ENDS: Final[Mapping[type[Event], str]] = {
    JobExpired: "expired",
    JobReleased: "released",
    JobRevoked: "revoked",
    OutcomeRefused: "refused",
    OutcomeDropped: "dropped",
}
"""Events that end an attempt, and the outcomes that they tell."""


def _ends(traces: JobTraces, outcome: str) -> Any:
    def ended(event: Any) -> None:
        traces._end(event.job.id, outcome)  # noqa: SLF001  a part of that class

    return ended


def _about(
    job_id: str, batch_id: str | None, tenant: str | None, request_id: str | None
) -> dict[str, Any]:
    return _known(
        {
            named.JOB_ID: job_id,
            named.BATCH_ID: batch_id,
            named.TENANT: tenant,
            named.REQUEST_ID: request_id,
        }
    )


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
