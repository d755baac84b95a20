"""The lines of OpenAI's batch files: each is a job, or is told what is wrong with it."""

from array import array
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

from rerankq.client.line_forms import custom_id_of, fields_of, parsed
from rerankq.client.prepared import PreparedJob
from rerankq.errors import InvalidRequest
from rerankq_gateway.lines import BadLine, Check, Line

_INVALID_JSON: Final = "invalid_json_line"
_BUCKETS: Final = 256


def job_name(batch_id: str, line: int) -> str:
    """The id of the job on a line: always the same, so that a repeat makes no second job."""
    return f"{batch_id.removeprefix('batch-')}-{line}"


def request_line(
    prepare: Callable[[Mapping[str, Any]], PreparedJob],
    *,
    job_id: Callable[[int], str],
    endpoint: str,
) -> Check:
    """A check of lines.

    Args:
        prepare: makes a job of the arguments of `submit`.
        job_id: the id of the job on the line of that number, the same for each repeat.
        endpoint: that the lines must name.
    """

    def checked(line: Line) -> PreparedJob | BadLine:
        given: Mapping[str, Any] | None = None
        try:
            given = parsed(line.content)
            _check(given, endpoint)
            return prepare({**fields_of(_understood(given)), "job_id": job_id(line.number)})
        except InvalidRequest as fault:
            code = _INVALID_JSON if given is None else fault.code
            return BadLine(line.number, _place(fault.field), fault.reason, code)

    return checked


def _check(given: Mapping[str, Any], endpoint: str) -> None:
    if custom_id_of(given) is None:
        reason = "must be a text of 1 to 512 characters, by which you find the result"
        raise InvalidRequest("custom_id", reason)
    if given.get("url", endpoint) != endpoint:
        raise InvalidRequest("url", f"must be the batch's endpoint, {endpoint}")


def _understood(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The line with what other services call differently in our words."""
    body = given.get("body")
    if not isinstance(body, dict):
        return given
    most = body.get("top_n", body.get("top_k"))
    # 0 stands for all, as in a call.
    body = {**body, "top_n": None if most == 0 else most}
    url = given.get("url")
    return {**given, "body": body, "url": "/v1/rerank" if url == "/v2/rerank" else url}


def _place(field: str) -> str:
    """The field as the line has it."""
    of_line = ("", "custom_id", "method", "url", "body", "lane", "metadata")
    own = field.partition(".")[0]
    return field if own in of_line else f"body.{field}"


class CustomIds:
    """The names of the lines of one file, of which no two may be the same; 8 bytes a line."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, custom_id: str) -> None:
        """Note the name of a line."""
        digest = _digest(custom_id)
        self._buckets[digest % _BUCKETS].append(digest)

    def repeated(self) -> set[int]:
        """The digests of names that came more than once."""
        found: set[int] = set()
        for bucket in self._buckets:
            if len(set(bucket)) < len(bucket):
                seen: set[int] = set()
                found |= {each for each in bucket if each in seen or seen.add(each)}  # type: ignore[func-returns-value]
        return found


class Repeats:
    """Finds the lines whose name an earlier line has.

    Args:
        suspects: from `CustomIds.repeated`.
    """

    def __init__(self, suspects: set[int]) -> None:
        self._suspects = suspects
        self._first: dict[str, int] = {}

    def fault(self, line: Line) -> BadLine | None:
        """What is wrong with a line that is a job else."""
        custom_id = custom_id_of(parsed(line.content)) or ""
        if _digest(custom_id) not in self._suspects:
            return None
        first = self._first.setdefault(custom_id, line.number)
        if first == line.number:
            return None
        reason = f"is that of line {first} too: each line needs its own"
        return BadLine(line.number, "custom_id", reason, "duplicate_custom_id")


def _digest(custom_id: str) -> int:
    return int.from_bytes(blake2b(custom_id.encode(), digest_size=8).digest())
