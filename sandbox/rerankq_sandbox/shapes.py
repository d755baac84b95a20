"""The formats of a refusal's body, by vendor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq_sandbox.errors import GatewayError

JSON_TYPE: Final = "application/json"
HTML_TYPE: Final = "text/html"


@dataclass(frozen=True, slots=True)
class Shape:
    """The format of a refusal's body.

    Attributes:
        write: Makes the body from the refusal and the call's request id.
        content_type: The body's content type.
    """

    write: Callable[[GatewayError, str], bytes]
    content_type: str = JSON_TYPE


def _json(fields: Callable[[GatewayError, str], Any]) -> Shape:
    return Shape(lambda error, request_id: orjson.dumps(fields(error, request_id)))


def _gateway(error: GatewayError, request_id: str) -> Any:
    # The request id is appended to the message, unless the message is empty.
    message = error.message and f"{error.message} (request id: {request_id})"
    return {"error": {"message": message, "type": error.kind, "param": "", "code": error.code}}


def _openai(error: GatewayError, _request_id: str) -> Any:
    fields = {"message": error.message, "type": error.kind, "param": None, "code": error.code}
    return {"error": fields}


def _flat(error: GatewayError, _request_id: str) -> Any:
    return {"code": error.code, "message": error.message, "data": None}


def _detail(error: GatewayError, _request_id: str) -> Any:
    return {"detail": error.message}


def _details(error: GatewayError, _request_id: str) -> Any:
    return {"detail": [{"type": error.code, "loc": ["body", "documents"], "msg": error.message}]}


def _message(error: GatewayError, _request_id: str) -> Any:
    return {"message": error.message}


def _tei(error: GatewayError, _request_id: str) -> Any:
    return {"error": error.message, "error_type": error.kind}


def _dashscope(error: GatewayError, request_id: str) -> Any:
    return {"code": error.code, "message": error.message, "request_id": request_id}


def _nginx(error: GatewayError, _request_id: str) -> bytes:
    title = f"{error.status} {error.message}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def _cloudflare(error: GatewayError, request_id: str) -> bytes:
    return (
        f'<!DOCTYPE html>\n<html lang="en-US">\n<head><title>www.dmxapi.cn | {error.status}: '
        f'{error.message}</title></head>\n<body><div id="cf-wrapper"><h1>{error.message}</h1>'
        f"<span>Error code {error.status}</span><p>Cloudflare Ray ID: {request_id}</p></div>"
        "</body>\n</html>\n"
    ).encode()


GATEWAY: Final = _json(_gateway)
OPENAI: Final = _json(_openai)
FLAT: Final = _json(_flat)
DETAIL: Final = _json(_detail)
DETAILS: Final = _json(_details)
MESSAGE: Final = _json(_message)
TEI: Final = _json(_tei)
DASHSCOPE: Final = _json(_dashscope)
NGINX: Final = Shape(_nginx, HTML_TYPE)
CLOUDFLARE: Final = Shape(_cloudflare, HTML_TYPE)
TEXT: Final = Shape(lambda error, _: error.message.encode(), "text/plain")
