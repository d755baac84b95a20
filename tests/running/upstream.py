"""The stand-in upstream in a process of its own, and its log of calls."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import requests

from running.command import sandbox_process

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the upstream saw it; times are Unix seconds.

    Attributes:
        job_id: the job that the worker named.
        attempt: the attempt that it named.
        key: fingerprint of the key that it sent.
        request_id: the upstream's own id of the call.
        arrived: when its headers were read.
        ended: when it was answered or dropped; None while it is in flight.
        status: the status of the answer; None without an answer.
        account: account of the key that was sent.
        fault: the fault that it met, such as `limit:requests`; None if it was served.
    """

    job_id: str
    attempt: int
    key: str
    request_id: str
    arrived: float
    ended: float | None = None
    status: int | None = None
    account: str = ""
    fault: str | None = None

    @property
    def answered(self) -> bool:
        """Whether a whole answer was sent."""
        return self.status is not None


class Upstream:
    """`rerankq sandbox` between `with` and its end.

    Args:
        folder: for its log and its output.
        latency_ms: how long an answer takes.
        options: further options of the command line.
    """

    def __init__(self, folder: Path, *options: str, latency_ms: float = 0) -> None:
        self._log = folder / "upstream.jsonl"
        self._process: AbstractContextManager[str] = sandbox_process(
            folder, "--log", str(self._log), "--latency-ms", str(latency_ms), *options
        )
        self._http = requests.Session()
        self.url = ""

    def __enter__(self) -> Self:
        self.url = self._process.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._process.__exit__(None, None, None)

    def set_faults(self, *rules: dict[str, Any]) -> None:
        """Append fault rules."""
        self._admin("POST", "faults", rules)

    def clear_faults(self) -> None:
        """Forget all fault rules."""
        self._admin("DELETE", "faults")

    def set_limits(self, **limits: dict[str, Any]) -> None:
        """Replace all limits by these, by account or for `default`, at once."""
        self._admin("PUT", "limits", limits)

    def play(self, scenario: dict[str, Any]) -> None:
        """Start a scenario."""
        self._admin("POST", "scenario", scenario)

    def stats(self) -> dict[str, Any]:
        """The counts so far."""
        return self._admin("GET", "stats")

    def forget_stats(self) -> None:
        """Reset the counts."""
        self._admin("DELETE", "stats")

    def calls(self) -> list[Call]:
        """All calls so far, in the order of arrival, from the log file."""
        calls: dict[int, Call] = {}
        for line in self._lines():
            entry = json.loads(line)
            calls[entry["n"]] = _call(entry)
        return [calls[number] for number in sorted(calls)]

    def _lines(self) -> Iterator[str]:
        with self._log.open() as lines:
            # The last line may be half written.
            yield from (line for line in lines if line.endswith("\n"))

    def _admin(self, method: str, what: str, body: object = None) -> dict[str, Any]:
        address = urljoin(self.url, f"/_sandbox/{what}")
        answer = self._http.request(method, address, json=body, timeout=TIMEOUT_S)
        answer.raise_for_status()
        counts: dict[str, Any] = answer.json()
        return counts


def fingerprint(key: str) -> str:
    """What the log shows instead of a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _call(entry: dict[str, Any]) -> Call:
    over = entry["latency_ms"] is not None
    return Call(
        job_id=str(entry["job_id"]),
        attempt=int(entry["attempt"] or 0),
        key=str(entry["key"]),
        request_id=entry["request_id"],
        arrived=entry["time"],
        ended=entry["time"] + entry["latency_ms"] / 1000 if over else None,
        status=entry["status"],
        account=entry["account"],
        fault=entry["fault"],
    )
