"""Putting an answer on the wire, or the faults that live there."""

import asyncio

import orjson
from aiohttp import web

from rerankq_worker.sandbox.actions import DripAction, HugeAction, StatusAction
from rerankq_worker.sandbox.errors import error_body, typical

JSON_TYPE = "application/json"
_BLOCK = b"x" * 65_536
_HUGE_HEAD = b'{"results":[],"padding":"'
_HUGE_TAIL = b'"}'


def reply(status: int, body: bytes) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=body, content_type=JSON_TYPE)


def scripted(action: StatusAction, request_id: str) -> web.Response:
    """The answer that a status action describes."""
    body = action.body
    if body is None:
        answer = reply(action.status, error_body(typical(action.status), request_id))
    elif isinstance(body, str):
        answer = web.Response(status=action.status, text=body, content_type="text/html")
    else:
        answer = reply(action.status, orjson.dumps(body))
    for name, value in action.headers.items():
        answer.headers[name] = value
    return answer


def drop(request: web.Request) -> web.Response:
    """Close the connection; what is returned goes nowhere but satisfies the framework."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


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
