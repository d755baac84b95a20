"""A call's way: from the caller's fields to jobs, and from their ends to rankings."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rerankq.client import AsyncRerankClient
from rerankq.contract import Job, Lane
from rerankq.errors import InvalidRequest
from rerankq_gateway.rerank.dialects.call import Call, Question
from rerankq_gateway.rerank.dialects.ranking import Ranking, ranking_from


def jobs_of(
    call: Call,
    *,
    default_model: str,
    deadline: float | None,
    keep: float | None,
    key: str | None,
    trace: Mapping[str, str],
) -> list[Job]:
    """The jobs of a call: one for each question.

    Args:
        call: what is asked for.
        default_model: for calls that name none.
        deadline: seconds after which the jobs expire; None for never.
        keep: seconds to keep their results; None for as long as any.
        key: the caller's idempotency key.
        trace: what ties the jobs to the request.

    Raises:
        InvalidRequest: names the field that breaks the contract.
    """
    shared = {
        "lane": Lane.INTERACTIVE if call.is_urgent else Lane.BULK,
        "deadline_seconds": deadline,
        "keep_seconds": keep,
        "trace_context": trace,
        # As other callers leave it out: then it costs no byte of the stored job.
        "reuse": None if call.reuse else False,
    }
    # Each job of a call with several needs a key of its own.
    keys = [key] if len(call.questions) == 1 else [key and f"{key} {n}" for n in _places(call)]
    return [
        _job(
            call,
            shared | {"request": _request(call, question, default_model), "idempotency_key": each},
        )
        for question, each in zip(call.questions, keys, strict=True)
    ]


async def rankings_of(
    client: AsyncRerankClient, jobs: list[Job], patience: float, *, withdraw: bool
) -> tuple[list[Ranking], bool]:
    """The rankings of the jobs, and whether they are those of an earlier call with the same key.

    Raises:
        RerankqError: why one of them has none; the others are not waited for.
    """
    if len(jobs) == 1:
        ranking, replayed = await _ranking(client, jobs[0], patience, withdraw=withdraw)
        return [ranking], replayed
    waits = [
        asyncio.create_task(_ranking(client, job, patience, withdraw=withdraw)) for job in jobs
    ]
    try:
        found = await asyncio.gather(*waits)
    finally:
        for each in waits:
            each.cancel()
    return [ranking for ranking, _ in found], all(replayed for _, replayed in found)


async def _ranking(
    client: AsyncRerankClient, job: Job, patience: float, *, withdraw: bool
) -> tuple[Ranking, bool]:
    settled = await client.settled(job, patience, withdraw=withdraw)
    if settled.error is not None:
        raise settled.error
    return ranking_from(settled.job_id, settled.result or b""), settled.replayed


def _request(call: Call, question: Question, default_model: str) -> dict[str, Any]:
    return {
        "model": call.model or default_model,
        "query": question.query,
        "documents": question.texts,
        "top_n": call.top_n,
        # The gateway has them, so they need not come back by way of the upstream and the ledger.
        "return_documents": False,
        "instruction": call.instruction,
        "min_score": call.min_score,
        "raw_scores": call.wants_logits or None,
    }


def _job(call: Call, fields: Mapping[str, Any]) -> Job:
    try:
        return Job.parse(fields)
    except InvalidRequest as fault:
        name, dot, rest = fault.field.removeprefix("request.").partition(".")
        query, documents = call.spelt
        name = {"query": query, "documents": documents}.get(name, name)
        raise type(fault)(f"{name}{dot}{rest}", fault.reason) from None


def _places(call: Call) -> range:
    return range(len(call.questions))
