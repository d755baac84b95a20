"""The routes of jobs."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from rerankq.contract import JobState, JobStatus, RerankResult, Scope
from rerankq.errors import RerankqError, ResultTimeout
from rerankq_gateway.access.principal import ACTING
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.duties import Duty
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.jobs import listing
from rerankq_gateway.jobs.bulk import Bulk
from rerankq_gateway.jobs.described import BULK, REFUSALS, SUBMITTING
from rerankq_gateway.jobs.shown import RETRY_SOON, shown
from rerankq_gateway.jobs.submitting import Submitting
from rerankq_gateway.parts import Parts
from rerankq_gateway.settings import MOST_WAIT_SECONDS

JobId = Annotated[str, Path(description="The job's id.", examples=["0f0a2f9e-3d0b-4f0e-9a63-1c"])]
Reader = Annotated[HotRequest, needs(Scope.READ)]
Acting = Annotated[HotRequest, needs(*ACTING)]
Wait = Annotated[
    float | None,
    Query(ge=0, le=MOST_WAIT_SECONDS, description="Seconds to wait for the job's end."),
]


def routes(parts: Parts) -> APIRouter:
    """The routes that have an id in their path."""
    router = APIRouter(tags=["Jobs"])

    @router.get(
        "/v1/jobs/{job_id}",
        summary="How a job stands",
        responses={200: {"model": JobStatus}, **REFUSALS},
        response_model=None,
    )
    async def status(
        request: Reader,
        job_id: JobId,
        wait: Wait = None,
        *,
        why: Annotated[bool, Query(description="Whether to say why it waits.")] = False,
    ) -> Response:
        """Its state and times, `result` once it has succeeded, `error` when it has no ranking."""
        client = parts.client_for(request.principal)
        if wait is not None:
            await _ended(parts, request, job_id, wait)
        found = await client.status(job_id)
        waits = await client.why(job_id) if why else None
        content = await shown(client, found, waits=waits)
        headers = {} if found.state.ended else {"retry-after": "1"}
        return Response(content, media_type="application/json", headers=headers)

    @router.get(
        "/v1/jobs/{job_id}/result",
        summary="A job's ranking",
        responses={200: {"model": RerankResult}, **REFUSALS},
        response_model=None,
    )
    async def result(request: Reader, job_id: JobId, wait: Wait = None) -> Response:
        """The ranking of a job that has succeeded; an error for any other."""
        client = parts.client_for(request.principal)
        await client.status(job_id)
        if wait is not None:
            await _ended(parts, request, job_id, wait)
        try:
            end = await client.end(job_id, 0)
        except ResultTimeout:
            raise GatewayError(
                409,
                "job_not_ended",
                f"the job {job_id} has not ended: ask again, or wait with ?wait=30",
                headers=tuple(RETRY_SOON),
                can_retry=True,
            ) from None
        if isinstance(end, RerankqError):
            raise end
        return Response(end.encode(), media_type="application/json")

    @router.delete(
        "/v1/jobs/{job_id}",
        summary="Cancel a job",
        responses={200: {"content": {"application/json": {"example": _CANCELLED}}}, **REFUSALS},
        response_model=None,
    )
    async def cancel(request: Acting, job_id: JobId) -> Response:
        """The state it was in, and the one that it is in now. An end stays as it is."""
        async with parts.audited(request.principal, "job.cancel", job_id):
            was = await parts.client_for(request.principal).cancel(job_id)
        state = was if was.ended else JobState.CANCELLED
        content = orjson.dumps({"id": job_id, "was": was, "state": state})
        return Response(content, media_type="application/json")

    listing.add_to(router, parts)
    return router


_CANCELLED = {"id": "0f0a2f9e-3d0b-4f0e-9a63-1c", "was": "queued", "state": "cancelled"}


async def _ended(parts: Parts, request: HotRequest, job_id: str, seconds: float) -> None:
    """Wait for the job's end, so many seconds at most."""
    client = parts.client_for(request.principal)
    await client.status(job_id)  # refuses an unknown job at once
    try:
        await parts.waiters.wait(request, client.end(job_id, seconds))
    except ResultTimeout:
        return
    except GatewayError as error:
        raise error.at(f"{parts.settings.root_path}/v1/jobs/{job_id}") from None


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """Handing in one job, or many."""
    return {("POST", "/v1/jobs"): Submitting(parts), ("POST", "/v1/jobs:batch"): Bulk(parts)}


def described() -> Mapping[str, Any]:
    """The hot routes for OpenAPI."""
    return {"/v1/jobs": SUBMITTING, "/v1/jobs:batch": BULK}


def duties(_: Parts) -> list[Duty]:
    """None."""
    return []
