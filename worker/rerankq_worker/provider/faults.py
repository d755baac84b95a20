"""From an error answer to our error, with a message that a user may read."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rerankq.contract import RerankRequest
from rerankq_worker.provider import error_body, quoting, redirects, waits
from rerankq_worker.provider.excerpt import excerpt
from rerankq_worker.provider.taxonomy import WHAT_TO_DO, meaning
from rerankq_worker.upstream.port import Cause, Malformed, Throttled, UpstreamError, WrongEndpoint

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


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; the headers' names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def fault(reply: Reply, request: RerankRequest, *, key: str = "") -> UpstreamError:
    """The error that an answer with a status other than 200 stands for.

    Its message holds nothing of `request` or `key`.
    """
    said = error_body.read(reply.body)
    heard = quoting.hear(said.words, request, key)
    # An echo decides nothing: a document about empty accounts must park no key.
    kind = meaning(reply.status, said.form, said.codes, heard.own)
    request_id = request_id_of(reply.headers, key) or _shown_id(said.request_id, key)
    message, cause = f"the upstream answered {reply.status}{_said(heard, request_id)}", None
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
    if kind in WHAT_TO_DO and cause is not Cause.REDIRECT:
        message += f"; {WHAT_TO_DO[kind]}"
    headers = reply.headers
    paused = waits.pause(headers, throttled=issubclass(kind, Throttled))
    wait = _first(waits.retry_after(headers), paused, waits.window(heard.own))
    return kind(message, retry_after=wait, status=reply.status, request_id=request_id, cause=cause)


def malformed(
    reason: str, reply: Reply, decoded: Any, request: RerankRequest, *, key: str = ""
) -> UpstreamError:
    """The error that an answer with status 200 stands for when it is no ranking.

    Args:
        reason: what is wrong with it.
        reply: the answer.
        decoded: its JSON, which may be an error in place of results and say more.
        request: what was to be ranked; the message holds nothing of it.
        key: likewise.
    """
    request_id = request_id_of(reply.headers, key)
    if decoded is None and error_body.form_of(reply.body) is error_body.Form.PAGE:
        # Of a login, a portal, or a maintenance: it is nothing that an API would send.
        message = f"the upstream answered with a web page; {WHAT_TO_DO[WrongEndpoint]}"
        return WrongEndpoint(message, status=reply.status, request_id=request_id, cause=Cause.PAGE)
    words = excerpt(reply.body)
    if error_body.holds_error(decoded):
        reason = f"the upstream answered with an error under status {reply.status}"
        words = error_body.read_decoded(decoded).words
    heard = quoting.hear(words, request, key)
    message = f"{reason}{_said(heard, request_id)}"
    error = Malformed(message, status=reply.status, request_id=request_id)
    # By our own words alone: the vendor's may name the request, or another id each time.
    error.pattern = hashlib.sha256(_NUMBER.sub("", reason).encode()).hexdigest()[:8]
    return error


def request_id_of(headers: Mapping[str, str], key: str = "") -> str | None:
    """The upstream's own id of the call; none that holds the key."""
    return next((_shown_id(headers[name], key) for name in _ID_HEADERS if name in headers), None)


def _said(heard: quoting.Heard, request_id: str | None) -> str:
    """What a message tells of the vendor's words, and of its id of the call."""
    words = heard.shown
    if words is None:
        said = " (its words are withheld: they repeat the request)"
    else:
        said = f': "{words}"' if words else ""
    named = f" (request id {request_id})" if request_id and request_id not in said else ""
    return said + named


def _shown_id(request_id: str | None, key: str) -> str | None:
    if not request_id or not _ID.fullmatch(request_id) or quoting.repeats(request_id, key):
        return None
    return request_id


def _first(*waits_asked: float | None) -> float | None:
    return next((wait for wait in waits_asked if wait is not None), None)
