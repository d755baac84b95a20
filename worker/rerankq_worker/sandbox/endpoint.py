"""One rerank call, from its key to its answer."""

import asyncio
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from rerankq_worker.sandbox import delivery
from rerankq_worker.sandbox.actions import (
    Action,
    DelayAction,
    DripAction,
    DropAction,
    HangAction,
    HugeAction,
    SpoilAction,
    StatusAction,
)
from rerankq_worker.sandbox.config import SandboxConfig
from rerankq_worker.sandbox.contract import RerankRequest, build_answer, encode, read_request
from rerankq_worker.sandbox.errors import GatewayError, error_body, typical
from rerankq_worker.sandbox.faults import Call, FaultSource
from rerankq_worker.sandbox.journal import Entry, Journal, cut
from rerankq_worker.sandbox.latency import Latency
from rerankq_worker.sandbox.request_id import current_request_id
from rerankq_worker.sandbox.rules import read_directive
from rerankq_worker.sandbox.scoring import Scorer
from rerankq_worker.sandbox.spoil import spoil

DIRECTIVE_HEADER = "X-Sandbox-Fault"
JOB_HEADER = "X-Rerankq-Job-Id"
ATTEMPT_HEADER = "X-Rerankq-Attempt"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The handler of `POST /v1/rerank` and the parts it works with.

    Attributes:
        config: Keys and models that are known.
        scorer: Scores the documents.
        latency: Draws how long an answer takes.
        faults: Asked in turn for a fault; the first that names one decides.
        journal: Records each call.
    """

    config: SandboxConfig
    scorer: Scorer
    latency: Latency
    faults: Sequence[FaultSource]
    journal: Journal

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one call, and record it whatever becomes of it."""
        entry = self.journal.arrived(
            job_id=request.headers.get(JOB_HEADER),
            attempt=request.headers.get(ATTEMPT_HEADER),
            key=sent_key(request),
            request_id=current_request_id() or "",
        )
        try:
            answer = await self._serve(request, entry)
            entry.status = None if entry.fault == "drop" else answer.status
        except GatewayError as error:
            entry.status = error.status
            answer = delivery.reply(error.status, error_body(error, entry.request_id))
        finally:
            # Also when cancelled, which is what a client that goes away does to its call.
            self.journal.ended(entry)
        return answer

    async def _serve(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        self._check_key(sent_key(request))
        body = read_request(await self._read(request))
        entry.model, entry.documents, entry.top_n = cut(body.model), len(body.documents), body.top_n
        if self.config.models and body.model not in self.config.models:
            raise typical(503)
        action = self._pick(request, entry, body)
        entry.fault = None if action is None else action.kind
        if isinstance(action, StatusAction):
            return delivery.scripted(action, entry.request_id)
        if isinstance(action, DropAction):
            return delivery.drop(request)
        if isinstance(action, HangAction):
            await delivery.hang()
        return await self._answer(request, entry, body, action)

    async def _answer(
        self, request: web.Request, entry: Entry, body: RerankRequest, action: Action | None
    ) -> web.StreamResponse:
        answer = build_answer(body, await self.scorer.score(body.query, body.texts))
        await self._wait(entry, action)
        if isinstance(action, SpoilAction):
            spoiled = spoil(action, answer, len(body.documents), entry.request_id)
            return delivery.reply(200, spoiled)
        if isinstance(action, HugeAction):
            return await delivery.huge(request, action)
        if isinstance(action, DripAction):
            return await delivery.drip(request, action, encode(answer))
        return delivery.reply(200, encode(answer))

    def _check_key(self, sent: str | None) -> None:
        keys = self.config.keys
        if not keys:
            return
        if not sent:
            raise GatewayError(401, "未提供令牌")
        raw = sent.encode(errors="surrogateescape")
        if not any(hmac.compare_digest(raw, key.get_secret_value().encode()) for key in keys):
            raise typical(401)

    async def _read(self, request: web.Request) -> bytes:
        # The announced length first: nobody has to send what is refused anyway.
        if (request.content_length or 0) > self.config.max_body_bytes:
            raise typical(413)
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise typical(413) from None

    def _pick(self, request: web.Request, entry: Entry, body: RerankRequest) -> Action | None:
        directive = request.headers.get(DIRECTIVE_HEADER)
        if directive is not None:
            return read_directive(directive)
        in_flight = self.journal.in_flight
        call = Call(entry.n, entry.started, in_flight, body, entry.job_id, entry.attempt)
        picks = (source.pick(call) for source in self.faults)
        return next((action for action in picks if action is not None), None)

    async def _wait(self, entry: Entry, action: Action | None) -> None:
        extra = action.seconds if isinstance(action, DelayAction) else 0.0
        left = self.latency.draw() + extra - (time.monotonic() - entry.started)
        if left > 0:
            await asyncio.sleep(left)


def sent_key(request: web.Request) -> str | None:
    """The key of the `Authorization` header, bare or behind `Bearer`; None if there is none."""
    header = request.headers.get("Authorization")
    return None if header is None else header.removeprefix("Bearer ").strip()
