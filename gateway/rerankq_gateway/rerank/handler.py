"""One rerank call: read, admitted, waited for and answered in the caller's own form."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from rerankq.client import AsyncRerankClient
from rerankq.contract import Job
from rerankq.errors import InvalidRequest, RerankqError, ResultTimeout
from rerankq.events import CallDegraded, JobRef, RequestRefused
from rerankq_gateway.access.principal import Scope
from rerankq_gateway.asgi import HotRequest, body
from rerankq_gateway.asgi.idempotency import REPLAYED, of_job
from rerankq_gateway.asgi.job_headers import idempotency_key, trace_of
from rerankq_gateway.errors import GatewayError, Problem, problem_of
from rerankq_gateway.parts import Parts
from rerankq_gateway.rerank.admission import Admission
from rerankq_gateway.rerank.calls import jobs_of, rankings_of
from rerankq_gateway.rerank.dialects import Call, Dialect, Ranking, dialect_of
from rerankq_gateway.rerank.dialects.ranking import in_order_given
from rerankq_gateway.rerank.patience import patience
from rerankq_gateway.settings import OnDisconnect

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TOO_MANY: Final = 429
_SERVERS_FAULT: Final = 500
DEGRADED: Final = b"x-rerankq-degraded"
JOB: Final = b"x-rerankq-job-id"


class RerankHandler:
    """Serves the rerank routes.

    Args:
        parts: of this process.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._events = parts.client.events
        self._withdraws = parts.settings.on_disconnect is OnDisconnect.CANCEL
        self._admission = Admission(parts.client)

    async def __call__(self, request: HotRequest) -> None:
        """Serve one call.

        Raises:
            GatewayError: the body is no JSON object, so that the caller's form is not known.
            Disconnected: the caller has left.
        """
        request.demand(Scope.SUBMIT)
        fields = await _fields(request, self._settings.max_body)
        agent = request.headers.get(b"user-agent", b"").decode("latin-1")
        dialect = dialect_of(request.path, agent, fields)
        try:
            await self._serve(request, dialect, fields)
        except RerankqError as error:
            problem = self._problem(error)
            if RequestRefused in self._events.wanted and problem.retry_after is not None:
                by = problem.throttled_by or problem.members.get("cause") or problem.code
                self._events.tell(RequestRefused(by=by, retry_after=problem.retry_after))
            await request.refuse(dialect.refusal(problem))

    async def _serve(
        self, request: HotRequest, dialect: Dialect, fields: Mapping[str, Any]
    ) -> None:
        call = dialect.read(fields)
        key = idempotency_key(request.headers)
        seconds = patience(request.headers, call.timeout, otherwise=self._settings.wait_seconds)
        withdraw = self._withdraws and key is None
        jobs = jobs_of(
            call,
            default_model=self._settings.model,
            # A gateway that is killed leaves no calls behind that nobody waits for.
            deadline=max(seconds, _LEAST_DEADLINE) if withdraw else None,
            keep=self._settings.keep_seconds if key is None else None,
            key=key,
            trace=trace_of(request),
        )
        request.job_id = jobs[0].id
        client = self._parts.client_for(request.principal)
        headers: list[tuple[bytes, bytes]] = []
        try:
            ranked = self._ranked(client, jobs, seconds, withdraw=withdraw)
            rankings, replayed = await self._parts.waiters.wait(request, ranked)
            if key is not None:
                first = await client.status(rankings[0].job_id) if replayed else None
                headers += [of_job(self._settings, first), *([REPLAYED] if replayed else [])]
        except RerankqError as error:
            problem = self._problem(error)
            if not self._may_degrade(request, call, problem):
                raise
            if CallDegraded in self._events.wanted:
                self._events.tell(CallDegraded(job=JobRef.of(jobs[0]), reason=problem.code))
            headers.append((DEGRADED, problem.code.encode()))
            rankings = _unranked(call, jobs)
        # With an idempotency key it may be that of an earlier call.
        request.job_id = rankings[0].job_id
        headers.append((JOB, request.job_id.encode()))
        await request.answer(200, orjson.dumps(dialect.write(call, rankings)), headers)

    async def _ranked(
        self, client: AsyncRerankClient, jobs: list[Job], seconds: float, *, withdraw: bool
    ) -> tuple[list[Ranking], bool]:
        return await self._admission.within(
            jobs[0].lane,
            seconds,
            lambda: rankings_of(client, jobs, seconds, withdraw=withdraw),
        )

    def _may_degrade(self, request: HotRequest, call: Call, problem: Problem) -> bool:
        """Whether the documents in their order are wanted in place of this error."""
        wanted = call.on_failure or request.principal.on_failure or self._settings.on_failure
        is_the_callers_fault = problem.status < _SERVERS_FAULT and problem.status != _TOO_MANY
        return wanted == "original_order" and not is_the_callers_fault

    def _problem(self, error: RerankqError) -> Problem:
        problem = problem_of(error)
        if not isinstance(error, ResultTimeout):
            return problem
        if self._withdraws:
            said = "no ranking came in time, and the job was cancelled: try again, or wait longer"
            return replace(problem, message=said)
        location = f"{self._settings.root_path}/v1/jobs/{error.job_ids[0]}"
        return replace(problem, location=location)


_LEAST_DEADLINE: Final = 0.001


async def _fields(request: HotRequest, most: int) -> Mapping[str, Any]:
    """The fields of the body.

    Whatever its content type says, it is read as JSON: curl says that it is a form.

    Raises:
        GatewayError: 415, 413, or 400 when it is no JSON.
        InvalidRequest: it is no object.
    """
    if request.headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
        raise GatewayError(
            415, "unsupported_media_type", "a rerank call is JSON: send it as application/json"
        )
    content = (await body(request, most=most)).removeprefix(_BYTE_ORDER_MARK)
    try:
        fields = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        # Where, and never what: the error's own text may quote the body.
        place = f"line {error.lineno}, column {error.colno}"
        raise GatewayError(
            400, "invalid_json", f"the body is no valid JSON (at {place}): send one object"
        ) from None
    if not isinstance(fields, dict):
        raise InvalidRequest("", "the body must be a JSON object with query and documents")
    return fields


def _unranked(call: Call, jobs: Sequence[Job]) -> list[Ranking]:
    return [
        in_order_given(job.id, job.request.model, len(question.texts), call.top_n)
        for job, question in zip(jobs, call.questions, strict=True)
    ]
