"""One rerank call, from its key to its answer."""

import asyncio
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from rerankq_sandbox import delivery
from rerankq_sandbox.actions import (
    Action,
    DelayAction,
    SpoilAction,
    label,
    needs_no_ranking,
)
from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.contract import Question, Ranked, encode, rank
from rerankq_sandbox.dialects import Dialect
from rerankq_sandbox.error_table import ERRORS, typical
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.faults import Call, FaultSource
from rerankq_sandbox.journal import Entry, Journal, cut
from rerankq_sandbox.latency import Latency
from rerankq_sandbox.metering.account import OverLimit
from rerankq_sandbox.metering.accounts import MeteredAccounts, fingerprint
from rerankq_sandbox.metering.limiter import Limiter
from rerankq_sandbox.metering.refusals import left_headers, over_limit
from rerankq_sandbox.request_id import current_request_id
from rerankq_sandbox.rules import read_directive
from rerankq_sandbox.scoring import Scorer
from rerankq_sandbox.spoil import spoil
from rerankq_sandbox.timeline import Timeline

DIRECTIVE_HEADER = "X-Sandbox-Fault"
JOB_HEADER = "X-Rerankq-Job-Id"
ATTEMPT_HEADER = "X-Rerankq-Attempt"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that the endpoints of all dialects share.

    Attributes:
        config: Keys and models that are known.
        scorer: Scores the documents.
        latency: Draws how long an answer takes.
        accounts: Names the account of a key.
        limiter: Decides whether an account's call is admitted.
        timeline: Tells whether there is an outage.
        faults: Asked in this order for a fault; the first one found is used.
        journal: Records each call.
    """

    config: SandboxConfig
    scorer: Scorer
    latency: Latency
    accounts: MeteredAccounts
    limiter: Limiter
    timeline: Timeline
    faults: Sequence[FaultSource]
    journal: Journal


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The handler of one dialect's path."""

    dialect: Dialect
    parts: Parts

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one call, and record it however it ends."""
        key = fingerprint(sent_key(request))
        entry = self.parts.journal.arrived(
            job_id=request.headers.get(JOB_HEADER),
            attempt=request.headers.get(ATTEMPT_HEADER),
            key=key,
            account=self.parts.accounts.name(key),
            request_id=current_request_id() or "",
        )
        try:
            answer = await self._serve(request, entry)
            entry.status = delivery.sent_status(answer)
        except GatewayError as error:
            entry.status = error.status
            answer = delivery.refused(error, self.dialect.shape, entry.request_id)
        finally:
            # Also when cancelled: a client that goes away cancels its call.
            self.parts.journal.ended(entry)
        return answer

    async def _serve(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        # An outage comes first: it meets every call, without checking keys or counting.
        self.parts.timeline.advance(entry.started)
        outage = self.parts.timeline.outage
        if outage is not None:
            entry.fault = f"outage:{label(outage)}"
            return await delivery.at_once(request, outage, self.dialect.shape, entry.request_id)
        self._check_key(sent_key(request))
        question = self.dialect.read(await self._read(request))
        entry.model, entry.documents = cut(question.model), len(question.texts)
        entry.top_n = question.top_n
        models = self.parts.config.models
        if models and question.model and question.model not in models:
            raise typical(503)
        return await self._within_limits(request, entry, question)

    async def _within_limits(
        self, request: web.Request, entry: Entry, question: Question
    ) -> web.StreamResponse:
        account = self.parts.limiter.account(entry.account)
        now = time.monotonic()
        admission = account.admit(question, now)
        if isinstance(admission, OverLimit):
            entry.fault = f"limit:{admission.reason}"
            return over_limit(account, admission, now, entry.request_id)
        well = False
        try:
            answer = await self._answer(request, entry, question)
            well = delivery.sent_status(answer) == HTTPStatus.OK
        finally:
            admission.end(well=well)
        if account.limits.ratelimit_headers == "always" and not answer.prepared:
            answer.headers.update(left_headers(account, time.monotonic()))
        return answer

    async def _answer(
        self, request: web.Request, entry: Entry, question: Question
    ) -> web.StreamResponse:
        action = self._pick(request, entry, question)
        if action is not None:
            entry.fault = label(action)
            return await self._spoiled(request, entry, question, action)
        ranking = await self._rank(entry, question)
        return delivery.reply(200, encode(self.dialect.answer(question, ranking, entry.request_id)))

    async def _spoiled(
        self, request: web.Request, entry: Entry, question: Question, action: Action
    ) -> web.StreamResponse:
        if needs_no_ranking(action):
            return await delivery.at_once(request, action, self.dialect.shape, entry.request_id)
        extra = action.seconds if isinstance(action, DelayAction) else 0.0
        ranking = await self._rank(entry, question, extra)
        if isinstance(action, SpoilAction):
            body = spoil(action, self.dialect, question, ranking, entry.request_id)
        else:
            body = encode(self.dialect.answer(question, ranking, entry.request_id))
        return await delivery.send(request, action, delivery.reply(200, body))

    async def _rank(self, entry: Entry, question: Question, extra: float = 0.0) -> list[Ranked]:
        """The ranking, after the latency and `extra` seconds."""
        scores: list[float] = []
        for query, texts in question.lists():
            scores += await self.parts.scorer.score(query, texts)
        left = self.parts.latency.draw(question) + extra - (time.monotonic() - entry.started)
        if left > 0:
            await asyncio.sleep(left)
        return rank(question, scores)

    def _check_key(self, sent: str | None) -> None:
        keys = self.parts.config.keys
        if not keys:
            return
        if not sent:
            raise ERRORS["no_token"].refusal()
        raw = sent.encode(errors="surrogateescape")
        if not any(hmac.compare_digest(raw, key.get_secret_value().encode()) for key in keys):
            raise typical(401)

    async def _read(self, request: web.Request) -> bytes:
        most = self.parts.config.max_body_bytes
        if self.dialect.max_body_bytes is not None:
            most = min(most, self.dialect.max_body_bytes)
        # The announced length is checked first, so that a body that is too long is not read.
        if (request.content_length or 0) > most:
            raise typical(413)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise typical(413) from None
        if len(body) > most:
            raise typical(413)
        return body

    def _pick(self, request: web.Request, entry: Entry, question: Question) -> Action | None:
        directive = request.headers.get(DIRECTIVE_HEADER)
        if directive is not None:
            return read_directive(directive)
        call = Call(entry.n, question, entry.account, entry.job_id, entry.attempt)
        for source in self.parts.faults:
            action = source.pick(call)
            if action is not None:
                return action
        return None


def sent_key(request: web.Request) -> str | None:
    """The key in the `Authorization` header, with or without `Bearer`; None if there is none."""
    header = request.headers.get("Authorization")
    return None if header is None else header.removeprefix("Bearer ").strip()
