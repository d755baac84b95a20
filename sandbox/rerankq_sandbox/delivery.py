"""Sends answers, and produces the faults of sending."""

import asyncio

import orjson
from aiohttp import web

from rerankq_sandbox.actions import (
    Action,
    CutAction,
    DripAction,
    DropAction,
    ErrorAction,
    HangAction,
    HugeAction,
    OutageAction,
    RefuseAction,
    StatusAction,
    TwiceAction,
)
from rerankq_sandbox.error_table import ERRORS, typical
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import HTML_TYPE, JSON_TYPE, Shape

_RIX_KIND = "rix_api_error"
_RIX_HEADER = "X-Rixapi-Request-Id"
_BLOCK = b" " * 65_536


def reply(status: int, body: bytes) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=body, content_type=JSON_TYPE)


def refused(error: GatewayError, shape: Shape, request_id: str) -> web.Response:
    """A refusal in the shape of a dialect."""
    body = shape.write(error, request_id)
    answer = web.Response(status=error.status, body=body, content_type=shape.content_type)
    if error.kind == _RIX_KIND:
        answer.headers[_RIX_HEADER] = request_id
    return answer


async def at_once(
    request: web.Request, action: OutageAction, shape: Shape, request_id: str
) -> web.StreamResponse:
    """Answer a call by an action that needs no ranking."""
    match action:
        case DropAction() | RefuseAction():  # a call on a connection from before
            return drop(request)
        case HangAction():
            await hang()
            return Nothing()
        case StatusAction() | ErrorAction():
            return _scripted(action, shape, request_id)
    assert action.answer is not None  # noqa: S101  or it would need a ranking
    return await send(request, action, _scripted(action.answer, shape, request_id))


def _scripted(action: StatusAction | ErrorAction, shape: Shape, request_id: str) -> web.Response:
    answer = _refusal(action, shape, request_id)
    answer.headers.update(action.headers)
    return answer


def _refusal(action: StatusAction | ErrorAction, shape: Shape, request_id: str) -> web.Response:
    if isinstance(action, ErrorAction):
        row = ERRORS[action.name]
        return refused(row.refusal(), row.shape, request_id)
    if action.body is None:
        return refused(typical(action.status), shape, request_id)
    if isinstance(action.body, str):
        return web.Response(status=action.status, text=action.body, content_type=HTML_TYPE)
    return reply(action.status, orjson.dumps(action.body))


class Nothing(web.Response):
    """Stands for "no complete answer was sent"; the framework needs a response object."""


def sent_status(answer: web.StreamResponse) -> int | None:
    """The status that the client got; None if no complete answer was sent."""
    return None if isinstance(answer, Nothing) else answer.status


def drop(request: web.Request) -> Nothing:
    """Close the connection."""
    if request.transport is not None:
        request.transport.abort()
    return Nothing()


async def send(request: web.Request, action: Action, answer: web.Response) -> web.StreamResponse:
    """Send an answer in the action's way."""
    match action:
        case DripAction():
            return await drip(request, action, answer)
        case CutAction():
            return await cut(request, action, answer)
        case HugeAction():
            return await huge(request, action, answer)
        case TwiceAction():
            return await twice(request, action, answer)
    return answer


async def cut(request: web.Request, action: CutAction, answer: web.Response) -> Nothing:
    """Announce the whole answer, send a part of it, and close the connection."""
    sent, body = _opened(answer)
    sent.content_length = len(body)
    await sent.prepare(request)
    most = len(body) // 2 if action.bytes is None else action.bytes
    await sent.write(body[: max(0, min(most, len(body) - 1))])
    if request.transport is not None:
        # Closed, not aborted: the bytes written so far must arrive first.
        request.transport.close()
    return Nothing()


async def hang() -> None:
    """Wait until the client goes away or the server stops: both cancel the call."""
    await asyncio.Event().wait()


async def drip(
    request: web.Request, action: DripAction, answer: web.Response
) -> web.StreamResponse:
    """Send an answer byte by byte."""
    sent, body = _opened(answer)
    sent.content_length = len(body)
    await sent.prepare(request)
    for position in range(len(body)):
        await asyncio.sleep(action.seconds_per_byte)
        await sent.write(body[position : position + 1])
    await sent.write_eof()
    return sent


async def huge(
    request: web.Request, action: HugeAction, answer: web.Response
) -> web.StreamResponse:
    """Send an answer and blanks, block by block, so that little memory is used."""
    sent, body = _opened(answer)
    sent.enable_chunked_encoding()
    await sent.prepare(request)
    await sent.write(body)
    left = action.bytes - len(body)
    while left > 0:
        await sent.write(_BLOCK[:left])
        left -= len(_BLOCK)
    await sent.write_eof()
    return sent


async def twice(
    request: web.Request, action: TwiceAction, answer: web.Response
) -> web.StreamResponse:
    """Send an answer, and later a second one."""
    sent, body = _opened(answer)
    sent.content_length = len(body)
    await sent.prepare(request)
    await sent.write(body)
    await sent.write_eof()
    head = b"HTTP/1.1 %d Once more\r\nContent-Length: %d\r\n\r\n" % (answer.status, len(body))
    if request.transport is not None:
        # Written directly, because the framework sends only one answer to a request.
        asyncio.get_running_loop().call_later(action.seconds, request.transport.write, head + body)
    return sent


def _opened(answer: web.Response) -> tuple[web.StreamResponse, bytes]:
    """The head of an answer, to be sent separately, and its body."""
    body = answer.body
    assert isinstance(body, bytes)  # noqa: S101  nothing here makes another
    return web.StreamResponse(status=answer.status, headers=answer.headers), body
