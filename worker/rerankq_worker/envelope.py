"""What a message of the broker must look like to be let in; anything else is poison.

Stock Celery would log such a message with its whole body, decompress it without a bound, or end.
So each is judged before Celery sees it: one task, JSON, no compression, a body that is a hint.
Source of the form: Celery's message protocol 2, inside kombu's virtual transport.
"""

import base64
import binascii
from enum import StrEnum
from typing import Any

import orjson

from rerankq.contract import TASK_NAME, Hint
from rerankq.errors import InvalidRequest, UnsupportedVersion


class Fault(StrEnum):
    """Why a message is not let in."""

    NOT_JSON = "not_json"
    NO_ENVELOPE = "no_envelope"
    UNKNOWN_TASK = "unknown_task"
    COMPRESSED = "compressed"
    NOT_JSON_CONTENT = "not_json_content"
    NO_HINT = "no_hint"
    UNSUPPORTED_VERSION = "unsupported_version"


def fault_in(message: bytes) -> Fault | None:
    """What is wrong with a message as it lies in Redis; None for a sound one."""
    try:
        envelope = orjson.loads(message)
    except orjson.JSONDecodeError:
        return Fault.NOT_JSON
    match envelope:
        case {
            "headers": {"task": str(task), "id": str(), **headers},
            "properties": {"delivery_tag": str(), "delivery_info": dict(), **properties},
            "body": str(body),
        }:
            pass
        case _:
            return Fault.NO_ENVELOPE
    if task != TASK_NAME:
        return Fault.UNKNOWN_TASK
    if headers.get("compression"):
        return Fault.COMPRESSED
    if envelope.get("content-type") != "application/json":
        return Fault.NOT_JSON_CONTENT
    return _fault_in_body(body, properties.get("body_encoding"))


def _fault_in_body(body: str, encoding: Any) -> Fault | None:
    try:
        content = base64.b64decode(body, validate=True) if encoding == "base64" else body
        match orjson.loads(content):
            case [[], dict(keywords), dict()]:
                Hint.parse(keywords)
                return None
    except UnsupportedVersion:
        return Fault.UNSUPPORTED_VERSION
    except (binascii.Error, orjson.JSONDecodeError, InvalidRequest):
        pass
    return Fault.NO_HINT
