"""Maps an error answer to this project's error, with a message that users may read."""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from rerankq.contract import RerankRequest
from rerankq_worker.provider import error_body, redirects, waits, words
from rerankq_worker.provider.taxonomy import WHAT_TO_DO, meaning
from rerankq_worker.upstream.errors import Cause, Malformed, Throttled, UpstreamError, WrongEndpoint

PROXY_AUTHENTICATION: Final = 407
_ID: Final = re.compile(r"[A-Za-z0-9_.:/=+-]{1,100}")
_SHUT: Final = frozenset({401, 403})
_NUMBER: Final = re.compile(r"[\d,]+")
_ID_HEADERS: Final = (
    "x-oneapi-request-id",
    "x-rixapi-request-id",
    "x-request-id",
    "x-siliconcloud-trace-id",
    "x-debug-trace-id",  # Cohere
)


class Reply(NamedTuple):
    """An answer; its headers' names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


def fault(reply: Reply, request: RerankRequest, *, key: str = "") -> UpstreamError:
    """The error that an answer with a status other than 2xx means.

    Of the upstream's own words its message holds only the request id; see `words`.
    """
    said = error_body.read(reply.body)
    deciding = words.deciding(said.words, request) if said.words else ""
    kind = meaning(reply.status, said.form, said.codes, deciding)
    request_id = _id(reply, said.request_id, request, key)
    message, cause = f"the upstream answered {reply.status}{_named(request_id)}", None
    if reply.status in redirects.STATUSES:
        message += redirects.advice(reply.headers, key)
        cause = Cause.REDIRECT
    elif said.form is error_body.Form.PAGE:
        cause = Cause.PAGE
    elif reply.status == PROXY_AUTHENTICATION:
        message += "; the proxy wants a user and a password: write them into its URL"
        cause = Cause.PROXY
    if cause is Cause.PAGE and kind is WrongEndpoint:
        shut = reply.status in _SHUT
        message += " with a web page"
        message += ": a firewall or a challenge stands before the endpoint" if shut else ""
    advice = next((WHAT_TO_DO[each] for each in kind.__mro__ if each in WHAT_TO_DO), None)
    if advice and cause is not Cause.REDIRECT:
        message += f"; {advice}"
    headers = reply.headers
    paused = waits.pause(headers, throttled=issubclass(kind, Throttled))
    wait = _first(
        waits.retry_after(headers), paused, waits.window(deciding, words.texts_of(request))
    )
    error = kind(message, retry_after=wait, status=reply.status, request_id=request_id, cause=cause)
    error.said = words.kept(reply.body)
    return error


def malformed(
    fault: Malformed, reply: Reply, decoded: Any, request: RerankRequest, *, key: str = ""
) -> UpstreamError:
    """The error that a successful answer (2xx) means when it is no ranking.

    Args:
        fault: what is wrong with it.
        reply: the answer.
        decoded: its JSON, which may be an error in place of results.
        request: what was to be ranked; the message shows nothing of it.
        key: the key of the call; the message shows nothing of it.
    """
    request_id, reason, kind = _id(reply, None, request, key), str(fault), type(fault)
    if decoded is None and error_body.form_of(reply.body) is error_body.Form.PAGE:
        # A page for login, a portal or maintenance: no API sends one.
        message = f"the upstream answered with a web page; {WHAT_TO_DO[WrongEndpoint]}"
        return WrongEndpoint(message, status=reply.status, request_id=request_id, cause=Cause.PAGE)
    if error_body.holds_error(decoded):
        reason, kind = f"the upstream answered with an error under status {reply.status}", Malformed
    error = kind(f"{reason}{_named(request_id)}", status=reply.status, request_id=request_id)
    error.said = words.kept(reply.body)
    # Only of our own words: the vendor's may quote the request, or hold a new id each time.
    error.pattern = hashlib.sha256(_NUMBER.sub("", reason).encode()).hexdigest()[:8]
    return error


def request_id_of(headers: Mapping[str, str], key: str = "") -> str | None:
    """The upstream's request id; None if there is none, or if it holds the key."""
    return next((_shown_id(headers[name], key) for name in _ID_HEADERS if name in headers), None)


def _id(reply: Reply, told: str | None, request: RerankRequest, key: str) -> str | None:
    """The request id for the message of an error; None if the request itself contains it."""
    request_id = request_id_of(reply.headers, key) or _shown_id(told, key)
    if not request_id or words.stand_in(words.texts_of(request), request_id):
        return None
    return request_id


def _named(request_id: str | None) -> str:
    return f" (request id {request_id})" if request_id else ""


def _shown_id(request_id: str | None, key: str) -> str | None:
    if not request_id or not _ID.fullmatch(request_id) or words.tells_of(key, request_id):
        return None
    return request_id


def _first(*waits_asked: float | None) -> float | None:
    return next((wait for wait in waits_asked if wait is not None), None)
