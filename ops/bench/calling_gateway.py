"""HTTP calls of a gateway, and the jobs that are handed in, in bounded memory."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import requests

from bench import work

CALL_SECONDS: Final = 3600.0
_BODY_BYTES: Final = 256 * 1024
_TOGETHER: Final = 1000


class GatewayCaller:
    """Calls a gateway.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        """What it answers with, read as JSON."""
        answer = requests.get(f"{self.url}{path}", timeout=CALL_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **request: Any) -> Any:
        """The same for a POST."""
        answer = requests.post(f"{self.url}{path}", timeout=CALL_SECONDS, **request)
        answer.raise_for_status()
        return answer.json()

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines that it sends, as they come."""
        with requests.get(f"{self.url}{path}", timeout=CALL_SECONDS, stream=True) as answer:
            answer.raise_for_status()
            rest = b""
            for chunk in answer.iter_content(_BODY_BYTES):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest


def lines_of_jobs(count: int, *, in_openai_form: bool = False) -> Iterator[bytes]:
    """The body of an upload of so many jobs, in pieces."""
    pieces: list[bytes] = []
    size = 0
    for fields in fields_of_jobs(count):
        line = _openai_form(fields) if in_openai_form else fields
        pieces.append(json.dumps(line).encode() + b"\n")
        size += len(pieces[-1])
        if size >= _BODY_BYTES:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)


def fields_of_jobs(count: int) -> Iterator[dict[str, Any]]:
    """The jobs, made as they are needed; their custom ids are `line 0` and so on."""
    for number, job in enumerate(_in_turns(count)):
        yield {"custom_id": f"line {number}", "query": job.query, "documents": job.documents}


def _openai_form(fields: dict[str, Any]) -> dict[str, Any]:
    body = {"query": fields["query"], "documents": fields["documents"]}
    call = {"method": "POST", "url": "/v1/rerank", "body": body}
    return {"custom_id": fields["custom_id"]} | call


def _in_turns(count: int) -> Iterable[work.Job]:
    for start in range(0, count, _TOGETHER):
        for number, job in enumerate(work.jobs(min(_TOGETHER, count - start)), start):
            yield work.Job(f"{job.query} {number}", job.documents)
