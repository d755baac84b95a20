"""`POST /v1/jobs`: one job, recorded when this answers."""

from collections.abc import Mapping
from typing import Any, Final

from rerankq.client import AsyncRerankClient
from rerankq.client.drafts import job_from
from rerankq.client.line_forms import fields_of, parsed
from rerankq.contract import Job, JobStatus, Scope
from rerankq.errors import InvalidRequest, ResultTimeout
from rerankq_gateway.asgi import HotRequest, body
from rerankq_gateway.asgi.idempotency import REPLAYED, of_job
from rerankq_gateway.asgi.job_headers import idempotency_key, trace_of
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.jobs.prefer import Preference, preference
from rerankq_gateway.jobs.shown import RETRY_SOON, shown
from rerankq_gateway.parts import Parts

_CREATED, _ACCEPTED, _OK = 201, 202, 200


class Submitting:
    """Serves `POST /v1/jobs`.

    Args:
        parts: of this process.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings

    async def __call__(self, request: HotRequest) -> None:
        """Record the job of a request, and answer how it stands.

        Raises:
            RerankqError: the job is not recorded, or it is not known whether it is.
        """
        request.demand(Scope.SUBMIT)
        wanted = preference(request.headers, request.scope["query_string"])
        client = self._parts.client_for(request.principal)
        job = await self._job(request)
        job_id = await client.submit_job(job)
        request.job_id = job_id
        is_replayed = job_id != job.id
        if wanted.wait is not None:
            await self._wait(request, client, job_id, wanted.wait)
        status = await client.status(job_id)
        content = await shown(client, status, with_result=wanted.wait is not None)
        headers = [(b"location", self._location(job_id)), *wanted.headers()]
        if job.idempotency_key is not None:
            headers.append(of_job(self._settings, status))
        if is_replayed:
            headers.append(REPLAYED)
        if not status.state.ended:
            headers += RETRY_SOON
        await request.answer(_status(status, wanted, is_replayed=is_replayed), content, headers)

    async def _job(self, request: HotRequest) -> Job:
        if request.headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
            raise GatewayError(
                415, "unsupported_media_type", "a job is JSON: send it as application/json"
            )
        key = idempotency_key(request.headers)
        content = await body(request, most=self._settings.max_body)
        draft = _draft(content)
        if key is not None:
            if draft.get("idempotency_key", key) != key:
                raise InvalidRequest(
                    "idempotency_key", "is not that of the header Idempotency-Key: send one of them"
                )
            draft["idempotency_key"] = key
        draft["trace_context"] = trace_of(request)
        return job_from(draft, default_model=self._settings.model)

    async def _wait(
        self, request: HotRequest, client: AsyncRerankClient, job_id: str, seconds: float
    ) -> None:
        try:
            await self._parts.waiters.wait(request, client.end(job_id, seconds))
        except ResultTimeout:
            return
        except GatewayError as error:
            # The job goes on: whoever cannot wait here learns where to ask.
            raise error.at(self._location(job_id).decode()) from None

    def _location(self, job_id: str) -> bytes:
        return f"{self._settings.root_path}/v1/jobs/{job_id}".encode()


def _status(status: JobStatus, wanted: Preference, *, is_replayed: bool) -> int:
    if status.state.ended and wanted.wait is not None:
        return _OK
    if wanted.is_asynchronous or wanted.wait is not None:
        return _ACCEPTED
    return _OK if is_replayed else _CREATED


_OWN: Final = ("batch_id", "callbacks")


def _draft(content: bytes) -> dict[str, Any]:
    """The arguments of `submit` that a body has.

    A caller cannot choose a job's id. Another request under an id that is known would be taken for
    a repeat, and never be ranked; and a tenant would learn which ids others have.

    Raises:
        GatewayError: 400, it is no JSON object.
        InvalidRequest: it names another endpoint, or an id.
    """
    try:
        given: Mapping[str, Any] = parsed(content)
    except InvalidRequest as fault:
        raise GatewayError(400, "invalid_json", f"the body: {fault}") from None
    if given.get("job_id") is not None:
        raise InvalidRequest(
            "job_id",
            "a job's id is chosen here: send an Idempotency-Key to make a repeat safe, and your "
            "own name for the job as custom_id",
        )
    return {**fields_of(given), **{each: given[each] for each in _OWN if given.get(each)}}
