"""`GET /v1/jobs` and a job's timeline."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from rerankq.contract import JobPage, JobTimeline, Lane, Scope
from rerankq.errors import InvalidRequest
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.jobs.described import REFUSALS
from rerankq_gateway.parts import Parts

MOST_LISTED: Final = 500
Reader = Annotated[HotRequest, needs(Scope.READ)]
JobId = Annotated[str, Path(description="The job's id.", examples=["0f0a2f9e-3d0b-4f0e-9a63-1c"])]
States = Annotated[
    list[str] | None,
    Query(
        description="`queued`, `scheduled`, `running`, `succeeded`, `failed`, `cancelled` or "
        "`expired`; `waiting`, `unfinished` or `ended` for several. May come often."
    ),
]
Reasons = Annotated[
    list[str] | None, Query(description="Failed for it, or wait for it. May come often.")
]
Metadata = Annotated[
    list[str] | None, Query(description="`key=value`: with this metadata. May come often.")
]
_TIME: Final = "Unix seconds, or a time as 2030-01-31T08:00Z."


def add_to(router: APIRouter, parts: Parts) -> None:
    """Add the routes."""

    @router.get(
        "/v1/jobs",
        summary="List jobs",
        responses={200: {"model": JobPage}, **REFUSALS},
        response_model=None,
    )
    async def listed(
        request: Reader,
        state: States = None,
        reason: Reasons = None,
        since: Annotated[
            str | None, Query(description=f"Ended, else begun or submitted, then or later. {_TIME}")
        ] = None,
        until: Annotated[
            str | None, Query(description=f"The same, then or before. {_TIME}")
        ] = None,
        batch_id: Annotated[str | None, Query(description="Of this batch.")] = None,
        custom_id: Annotated[str | None, Query(description="With this name of yours.")] = None,
        tenant: Annotated[str | None, Query(description="Of this tenant; for operators.")] = None,
        lane: Annotated[Lane | None, Query(description="Of this lane.")] = None,
        model: Annotated[str | None, Query(description="For this model.")] = None,
        metadata: Metadata = None,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
    ) -> Response:
        """Those that run, then those that wait, in order, then the ended ones, newest first.

        Ended jobs come from the history, also when their results are gone. A page may have fewer
        jobs than `limit`, or none, and still have a `next`.
        """
        page = await parts.client_for(request.principal).job_page(
            after=after,
            limit=limit,
            state=state,
            reason=reason,
            since=_moment(since),
            until=_moment(until),
            batch_id=batch_id,
            custom_id=custom_id,
            tenant=tenant,
            lane=lane,
            model=model,
            metadata=_pairs(metadata or []),
        )
        return Response(page.encode(), media_type="application/json")

    @router.get(
        "/v1/jobs/{job_id}/timeline",
        summary="What happened to a job",
        responses={200: {"model": JobTimeline}, **REFUSALS},
        response_model=None,
    )
    async def timeline(request: Reader, job_id: JobId) -> Response:
        """Each step with its time; for a waiting job why, and when its call may begin.

        Also of a job that only the history knows any more.
        """
        found = await parts.client_for(request.principal).timeline(job_id)
        return Response(found.encode(), media_type="application/json")


def _moment(said: str | None) -> Any:
    """A time in Unix seconds, or as it was said."""
    try:
        return None if said is None else float(said)
    except ValueError:
        return said


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if not all(separator for _, separator, _ in pairs):
        raise InvalidRequest("metadata", "must be a key and a value, as team=search")
    return {key: value for key, _, value in pairs}
