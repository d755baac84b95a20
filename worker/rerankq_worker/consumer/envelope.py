"""Checks whether a broker message is a hint; any other message is poison.

Stock Celery would log a poisoned message with its whole body, decompress it without a bound, hold
it for years, or crash. So each message is checked before Celery sees it: it must look like those
that `rerankq.broker.announce` writes. Headers that Celery acts on must be empty. Unknown headers
are allowed, so that messages of newer producers are accepted; Celery ignores them.

Source of the format: Celery's message protocol 2, inside kombu's virtual transport.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import orjson

from rerankq.contract import TASK_NAME, Hint
from rerankq.errors import InvalidRequest, UnsupportedVersion


class Fault(StrEnum):
    """Why a message is put aside."""

    NOT_JSON = "not_json"
    NO_ENVELOPE = "no_envelope"
    UNKNOWN_TASK = "unknown_task"
    COMPRESSED = "compressed"
    NOT_JSON_CONTENT = "not_json_content"
    NO_HINT = "no_hint"
    UNSUPPORTED_VERSION = "unsupported_version"


EMPTY_HEADERS: Final = (
    *("eta", "expires", "group", "group_index", "shadow", "retries"),
    *("stamped_headers", "stamps", "replaced_task_nesting", "callbacks", "errbacks", "chord"),
)
"""Headers by which Celery would delay, expire, repeat, chain or stamp a message."""

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
TEXT_HEADERS: Final = ("root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "lang")


MOST_BRACKETS: Final = 500
"""How many opening brackets a message may have, and its body too. A hint has far fewer. kombu's
parser recurses once for each nested bracket, and would overflow Python's stack with many more."""


def fault_in(message: bytes) -> Fault | None:
    """What is wrong with a message, in the form in which it lies in Redis; None for a hint."""
    try:
        envelope = orjson.loads(message)
    except orjson.JSONDecodeError:
        return Fault.NOT_JSON
    match envelope:
        case {
            "headers": {"task": str(task), "id": str(), **headers},
            "properties": {
                "delivery_tag": str(),
                "delivery_info": {"exchange": str(), "routing_key": str()},
                **properties,
            },
            "body": str(body),
        }:
            pass
        case _:
            return Fault.NO_ENVELOPE
    form = (envelope.get("content-type"), envelope.get("content-encoding"))
    fault = _fault_in_headers(task, headers, form) or _fault_in_body(
        body, properties.get("body_encoding")
    )
    return fault or (Fault.NO_ENVELOPE if _may_nest_deeply(message) else None)


def waiting_for(message: bytes) -> str | None:
    """The task id of a message whose sender may wait for a result; None if nobody waits.

    Those are messages that a person sent by `send_task`.
    """
    try:
        headers = orjson.loads(message)["headers"]
        task, named = headers["task"], headers["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    is_one = isinstance(named, str) and _MESSAGE_ID.fullmatch(named)
    return named if is_one and task == TASK_NAME and not headers.get("ignore_result") else None


def _fault_in_headers(
    task: str, headers: Mapping[object, Any], form: tuple[object, object]
) -> Fault | None:
    if task != TASK_NAME:
        return Fault.UNKNOWN_TASK
    if headers.get("compression"):
        return Fault.COMPRESSED
    if form != ("application/json", "utf-8"):
        return Fault.NOT_JSON_CONTENT
    return None if _asks_nothing_of_celery(headers) else Fault.NO_ENVELOPE


def _asks_nothing_of_celery(headers: Mapping[object, Any]) -> bool:
    return (
        not any(headers.get(name) for name in EMPTY_HEADERS)
        and headers.get("timelimit") in (None, [None, None])
        and all(isinstance(headers.get(name), str | None) for name in TEXT_HEADERS)
    )


def _fault_in_body(body: str, encoding: Any) -> Fault | None:
    try:
        content = base64.b64decode(body, validate=True) if encoding == "base64" else body.encode()
        match orjson.loads(content):
            case [[], dict(keywords), dict(embedded)] if not any(embedded.values()):
                Hint.parse(keywords)
                return Fault.NO_HINT if _may_nest_deeply(content) else None
    except UnsupportedVersion:
        return Fault.UNSUPPORTED_VERSION
    except (binascii.Error, ValueError, InvalidRequest):
        pass
    return Fault.NO_HINT


def _may_nest_deeply(content: bytes) -> bool:
    """Whether there are too many brackets: counting them is cheaper than measuring the depth."""
    return content.count(b"[") + content.count(b"{") > MOST_BRACKETS
