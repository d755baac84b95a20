"""`POST /v1/batches`: from an uploaded file, as OpenAI has it, or empty, to be filled by calls."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

import orjson

from rerankq.client import AsyncRerankClient
from rerankq.contract import BatchStatus, Scope
from rerankq.errors import BatchNotFound, IdempotencyConflict, InvalidRequest, UnknownFile
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.body import body
from rerankq_gateway.asgi.idempotency import REPLAYED, of_batch
from rerankq_gateway.asgi.job_headers import idempotency_key
from rerankq_gateway.batches.note import Note
from rerankq_gateway.batches.openai import ENDPOINTS, batch_object
from rerankq_gateway.batches.window import DEFAULT, window_seconds
from rerankq_gateway.errors import GatewayError, problem_of
from rerankq_gateway.parts import Parts

_KEYS: Final = uuid.UUID("1b0f5c52-4d43-5f0a-8f3a-0c8f6e2d9a11")
_BAD: Final = 400
_OWN_OPTIONS: Final = (
    *("metadata", "deadline_seconds", "kept_seconds", "expected"),
    *("callbacks", "budget"),
)
_MOST_BYTES: Final = 256 * 1024
_REQUEST: Final = "request"
_OUTPUT_SECONDS: Final = (3600, 2_592_000)


class Creating:
    """Serves the opening of batches.

    Args:
        parts: of the gateway.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, request: HotRequest) -> None:
        """Open a batch, and answer with what is known of it."""
        request.demand(Scope.SUBMIT)
        given = _parsed(await body(request, most=_MOST_BYTES))
        client = self._parts.client_for(request.principal)
        key = idempotency_key(request.headers)
        tenant = request.principal.tenant or ""
        name = uuid.uuid4() if key is None else uuid.uuid5(_KEYS, f"{tenant} {key}")
        batch_id = f"batch-{name}"
        opening = _Opening(client, batch_id, given, has_key=key is not None)
        try:
            if given.get("input_file_id") is not None or "endpoint" in given:
                status = await self._from_file(opening)
            else:
                status = await _empty(opening)
        except InvalidRequest as fault:
            problem = problem_of(fault, invalid=_BAD)
            raise GatewayError(_BAD, problem.code, problem.message, param=problem.param) from None
        root = self._parts.settings.root_path
        headers = [(b"location", f"{root}/v1/batches/{batch_id}".encode())]
        if key is not None:
            headers.append(of_batch(self._parts.settings, status))
        if opening.is_replayed:
            headers.append(REPLAYED)
        await request.answer(200, orjson.dumps(batch_object(status)), headers)

    async def _from_file(self, opening: "_Opening") -> BatchStatus:
        client, batch_id, given = opening.client, opening.batch_id, opening.given
        note = _note(given).changed(request=opening.fingerprint)
        window = window_seconds(note.window)
        # Before the file is looked for: since the first request it may have been deleted.
        if known := await opening.earlier():
            return known
        try:
            await client.files.get(note.file)
        except UnknownFile as unknown:
            raise GatewayError(404, unknown.code, str(unknown), param="input_file_id") from None
        imports = self._parts.client.imports
        options: dict[str, Any] = {
            "metadata": given.get("metadata"),
            "deadline_seconds": window,
            "kept_seconds": _kept(given.get("output_expires_after"), window),
            "details": note.details(),
            "callbacks": given.get("callbacks"),
            "budget": given.get("budget"),
        }
        batch = client.batch(batch_id, **options)
        await imports.announce(batch_id)
        await batch.open()
        await imports.begin(batch_id)
        return await opening.now()


class _Opening:
    """A request to open a batch.

    Args:
        client: the caller's.
        batch_id: the batch.
        given: what is asked for.
        has_key: whether there can be one of an earlier request, with the same idempotency key.

    Attributes:
        is_replayed: whether there is.
        fingerprint: of the request.
    """

    def __init__(
        self,
        client: AsyncRerankClient,
        batch_id: str,
        given: Mapping[str, Any],
        *,
        has_key: bool,
    ) -> None:
        self.client = client
        self.batch_id = batch_id
        self.given = given
        self.is_replayed = False
        self.fingerprint = _fingerprint(given)
        self._has_key = has_key

    async def earlier(self) -> BatchStatus | None:
        """The batch of an earlier request with the same key; None when there is none.

        Raises:
            IdempotencyConflict: it was another request.
        """
        if not self._has_key:
            return None
        with suppress(BatchNotFound):
            known = await self.now()
            self.is_replayed = True
            return known
        return None

    async def now(self) -> BatchStatus:
        """How the batch stands.

        Raises:
            IdempotencyConflict: another request has opened it, perhaps at the same moment.
        """
        status = await self.client.batch(self.batch_id).status()
        note = Note.of(status)
        opened_by = note.request if note else status.details.get(_REQUEST)
        # A batch of an earlier version has none.
        if opened_by and opened_by != self.fingerprint:
            raise IdempotencyConflict(
                "the idempotency key was used before for another batch: use a new key, or repeat "
                "the same request"
            )
        return status


def _fingerprint(given: Mapping[str, Any]) -> str:
    try:
        return sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError:
        # What reads JSON knows more levels than what writes it.
        raise GatewayError(_BAD, "invalid_request", "the body is nested too deep") from None


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        given = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        raise GatewayError(_BAD, "invalid_json", "the body is not valid JSON") from None
    if not isinstance(given, dict):
        raise GatewayError(_BAD, "invalid_request", "the body must be a JSON object")
    return given


def _note(given: Mapping[str, Any]) -> Note:
    file, endpoint = given.get("input_file_id"), given.get("endpoint")
    if not isinstance(file, str):
        raise InvalidRequest("input_file_id", "must be the id of an uploaded file")
    if endpoint not in ENDPOINTS:
        raise InvalidRequest("endpoint", f"must be one of {', '.join(ENDPOINTS)}")
    return Note(file, endpoint, given.get("completion_window") or DEFAULT)


def _kept(asked: object, window: float) -> float | None:
    """For how long the batch is kept, so that its output is kept so long after its end."""
    if asked is None:
        return None
    seconds = asked.get("seconds") if isinstance(asked, dict) else None
    least, most = _OUTPUT_SECONDS
    if type(seconds) is not int or not least <= seconds <= most:
        raise InvalidRequest("output_expires_after.seconds", f"must be from {least:,} to {most:,}")
    return window + seconds


async def _empty(opening: _Opening) -> BatchStatus:
    options: dict[str, Any] = {name: opening.given.get(name) for name in _OWN_OPTIONS}
    for name in ("deadline_seconds", "kept_seconds"):
        if type(options[name]) is int:
            options[name] = float(options[name])
    batch = opening.client.batch(
        opening.batch_id, **options, details={_REQUEST: opening.fingerprint}
    )
    if known := await opening.earlier():
        return known
    await batch.open()
    return await opening.now()
