"""Records who called, how often, and how it ended: evidence that does not depend on Redis.

A call is recorded twice. `arrived` is written as soon as the headers are read, so that no call that
reached the server is missing, even if its client goes away or the server is killed. The second line
tells how it ended: `answered`, or `dropped` if no complete answer was sent. To count the calls of a
job, count the lines with `arrived`. No line ever holds a query, a document or a key.
"""

import itertools
import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from time import time as unix_time
from typing import Any, Literal

import orjson

from rerankq_sandbox.tally import Tally

_MAX_TEXT = 200
_MAX_DIGITS = 9


@dataclass(slots=True)
class Entry:
    """One call.

    Attributes:
        n: Number of the call since the start of the server, from 1.
        time: Arrival, in unix seconds.
        event: How far the call has come.
        job_id: Job that the client named, cut to 200 characters.
        attempt: Attempt that the client named.
        key: Fingerprint of the key that was sent, never the key.
        account: Account of that key.
        request_id: The call's `X-Oneapi-Request-Id`.
        status: Status that was sent; None before the end and for a dropped call.
        model: Model, cut to 200 characters; None until the body is read.
        documents: Number of documents; None until the body is read.
        top_n: Number of results asked for.
        fault: The fault that the call met: `drop`, `error:saturated`, `limit:tokens`,
            `outage:hang`.
        latency_ms: Time from arrival to end, in milliseconds.
    """

    n: int
    time: float
    job_id: str | None
    attempt: int | None
    key: str | None
    account: str
    request_id: str
    event: Literal["arrived", "answered", "dropped"] = "arrived"
    status: int | None = None
    model: str | None = None
    documents: int | None = None
    top_n: int | None = None
    fault: str | None = None
    latency_ms: float | None = None
    # orjson does not write names with an underscore: this field stays internal.
    _started: float = field(default_factory=monotonic)

    @property
    def started(self) -> float:
        """Arrival on the monotonic clock, in seconds."""
        return self._started


class Journal:
    """Counts calls, remembers the latest and writes them to a file.

    Args:
        path: File to append to; None writes none.
        remembered: Calls kept in memory.

    Raises:
        OSError: The file cannot be opened, or, at a call, cannot be written.
    """

    def __init__(self, path: Path | None, remembered: int) -> None:
        self._file = None if path is None else os.open(path, _FLAGS, 0o600)
        self._entries: deque[Entry] = deque(maxlen=remembered)
        self._numbered = 0
        self._whole = Tally()
        self._by_account: dict[str, Tally] = {}

    def arrived(
        self,
        *,
        job_id: str | None,
        attempt: str | None,
        key: str | None,
        account: str,
        request_id: str,
    ) -> Entry:
        """Record that a call reached the server; `ended` must follow."""
        entry = Entry(
            n=self._numbered + 1,
            time=unix_time(),
            job_id=cut(job_id),
            attempt=_whole_number(attempt),
            key=key,
            account=account,
            request_id=request_id,
        )
        # Written first: a call that cannot be logged is not served and not counted.
        self._write(entry)
        self._entries.append(entry)
        self._numbered += 1
        self._whole.arrived()
        self._tally(account).arrived()
        return entry

    def ended(self, entry: Entry) -> None:
        """Record the end of a call: answered if it has a status, else dropped."""
        entry.latency_ms = round((monotonic() - entry.started) * 1000, 3)
        entry.event = "dropped" if entry.status is None else "answered"
        self._whole.ended(entry.status, entry.fault)
        self._tally(entry.account).ended(entry.status, entry.fault)
        self._write(entry)

    def _tally(self, account: str) -> Tally:
        tally = self._by_account.get(account)
        if tally is None:
            tally = self._by_account[account] = Tally()
        return tally

    def since(self, n: int, limit: int) -> list[Entry]:
        """Remembered calls numbered above `n`, oldest first, at most `limit` of them."""
        first = self._numbered - len(self._entries)
        start = max(0, n - first)
        return list(itertools.islice(self._entries, start, start + limit))

    def stats(self) -> dict[str, Any]:
        """Counts since the start of the server, or since they were forgotten."""
        accounts = {name: tally.report() for name, tally in sorted(self._by_account.items())}
        return self._whole.report() | {"accounts": accounts}

    def forget(self) -> None:
        """Reset the counts; calls keep their numbers, and the log is kept."""
        for tally in (self._whole, *self._by_account.values()):
            tally.forget()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, entry: Entry) -> None:
        # One unbuffered write for each line: a line is complete even if the process is killed.
        if self._file is not None:
            os.write(self._file, orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))


_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


def cut(text: str | None) -> str | None:
    """A client's text, short enough for a log line and always encodable."""
    return None if text is None else text[:_MAX_TEXT].encode(errors="replace").decode()


def _whole_number(text: str | None) -> int | None:
    if text is None or len(text) > _MAX_DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    return int(text)
