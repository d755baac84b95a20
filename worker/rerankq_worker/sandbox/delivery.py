"""Putting an answer on the wire, or the faults that live there."""

import asyncio

import orjson
from aiohttp import web

from rerankq_worker.sandbox.actions import (
    Action,
    CutAction,
    DripAction,
    DropAction,
    ErrorAction,
    HangAction,
    HugeAction,
    OutageAction,
    StatusAction,
)
from rerankq_worker.sandbox.error_table import ERRORS, typical
from rerankq_worker.sandbox.errors import GatewayError
from rerankq_worker.sandbox.shapes import HTML_TYPE, JSON_TYPE, Shape

_RIX_KIND = "rix_api_error"
_RIX_HEADER = "X-Rixapi-Request-Id"
_BLOCK = b"x" * 65_536
_HUGE_HEAD = b'{"results":[],"padding":"'
_HUGE_TAIL = b'"}'


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
) -> web.Response:
    """Meet a call with what needs no ranking."""
    match action:
        case DropAction():
            return drop(request)
        case HangAction():
            await hang()
            return Nothing()
        case StatusAction() | ErrorAction():
            answer = _scripted(action, shape, request_id)
            answer.headers.update(action.headers)
            return answer


def _scripted(action: StatusAction | ErrorAction, shape: Shape, request_id: str) -> web.Response:
    if isinstance(action, ErrorAction):
        row = ERRORS[action.name]
        return refused(row.refusal(), row.shape, request_id)
    if action.body is None:
        return refused(typical(action.status), shape, request_id)
    if isinstance(action.body, str):
        return web.Response(status=action.status, text=action.body, content_type=HTML_TYPE)
    return reply(action.status, orjson.dumps(action.body))


class Nothing(web.Response):
    """No whole answer was sent: goes nowhere but satisfies the framework."""


def sent_status(answer: web.StreamResponse) -> int | None:
    """The status that the client has; None where no whole answer was sent."""
    return None if isinstance(answer, Nothing) else answer.status


def drop(request: web.Request) -> Nothing:
    """Close the connection."""
    if request.transport is not None:
        request.transport.abort()
    return Nothing()


async def cut(request: web.Request, action: CutAction, body: bytes) -> Nothing:
    """Announce all of `body`, send a part of it, and close the connection."""
    answer = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    answer.content_length = len(body)
    await answer.prepare(request)
    most = len(body) // 2 if action.bytes is None else action.bytes
    await answer.write(body[: min(most, len(body) - 1)])
    if request.transport is not None:
        # Not aborted: what was written has to arrive before the end does.
        request.transport.close()
    return Nothing()


async def send(request: web.Request, action: Action, body: bytes) -> web.StreamResponse:
    """Send an answer, in the way that the action says."""
    match action:
        case DripAction():
            return await drip(request, action, body)
        case CutAction():
            return await cut(request, action, body)
    return reply(200, body)


async def hang() -> None:
    """Wait until the client goes away or the server stops: both cancel the call."""
    await asyncio.Event().wait()


async def drip(request: web.Request, action: DripAction, body: bytes) -> web.StreamResponse:
    """Send `body` byte by byte."""
    answer = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    answer.content_length = len(body)
    await answer.prepare(request)
    for position in range(len(body)):
        await asyncio.sleep(action.seconds_per_byte)
        await answer.write(body[position : position + 1])
    await answer.write_eof()
    return answer


async def huge(request: web.Request, action: HugeAction) -> web.StreamResponse:
    """Send valid JSON of the size asked for, block by block: our own memory stays small."""
    answer = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    await answer.write(_HUGE_HEAD)
    left = action.bytes - len(_HUGE_HEAD) - len(_HUGE_TAIL)
    while left > 0:
        await answer.write(_BLOCK[:left])
        left -= len(_BLOCK)
    await answer.write(_HUGE_TAIL)
    await answer.write_eof()
    return answer
