"""Tells which rows, or records, a filter wants. Most rows are judged without decoding them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from rerankq.contract import DEFAULT_MODEL, JobFilter
from rerankq.history.segments import Summary, mark, may_have

CLOCK_MS: Final = 2000
"""Ends that workers write are dated up to a second before the ledger records them."""


class Wanted:
    """What a filter wants.

    Args:
        of: the filter.
    """

    def __init__(self, of: JobFilter) -> None:
        self.filter = of
        self._since = -1.0 if of.since is None else of.since * 1000
        self._until = float("inf") if of.until is None else of.until * 1000
        self._states = frozenset(each.value for each in of.states)
        equal = {
            "id": of.job_id,
            "custom": of.custom_id,
            "batch": of.batch_id,
            "tenant": of.tenant,
            "lane": of.lane.value if of.lane else None,
            "model": of.model,
        }
        self._equal = {name: value for name, value in equal.items() if value is not None}
        self._marks = [
            *(mark(name, value) for name, value in self._equal.items()),
            *(mark("metadata", f"{key} {value}") for key, value in of.metadata.items()),
        ]
        self._reason_marks = [mark("reason", each) for each in of.reasons]
        written = list(self._written())
        self._of_record = [*written, *self._written_of_failures()]
        self._needles = [*written, *self._written_at_the_end()]

    @property
    def needs_hashes(self) -> bool:
        """Whether the hashes of a segment may tell that it has nothing."""
        return bool(self._marks or self._reason_marks)

    def is_past(self, summary: Summary) -> bool:
        """Whether this segment, and so all before it, end before the time that is wanted."""
        return summary.last < self._since - CLOCK_MS

    def may_be_in(self, summary: Summary, hashes: bytes) -> bool:
        """Whether a segment may have rows that are wanted."""
        if summary.first > self._until or summary.last < self._since:
            return False
        if self._states and self._states.isdisjoint(summary.states):
            return False
        if not may_have(hashes, self._marks):
            return False
        return not self._reason_marks or any(
            may_have(hashes, (each,)) for each in self._reason_marks
        )

    def may_be(self, line: bytes) -> bool:
        """Whether a row may be wanted, by a look at its bytes."""
        return bool(line) and all(each in line for each in self._needles)

    def may_be_record(self, record: bytes) -> bool:
        """The same for the record of a job that has not ended."""
        return all(each in record for each in self._of_record)

    def accepts(self, fields: Mapping[str, Any]) -> bool:
        """Whether a job is wanted.

        Args:
            fields: of its row or record, as `record_from` reads them, with `id`.
        """
        state = fields.get("state")
        if state is None or (self._states and state.value not in self._states):
            return False
        at = _time_of(fields)
        if not self._since <= at <= self._until:
            return False
        if any(_text(fields, name) != value for name, value in self._equal.items()):
            return False
        if self.filter.reasons and fields.get("reason") not in self.filter.reasons:
            return False
        metadata = fields.get("metadata")
        has = metadata if isinstance(metadata, dict) else {}
        return all(has.get(key) == value for key, value in self.filter.metadata.items())

    def _written(self) -> Iterator[bytes]:
        """What a record that is wanted contains."""
        for name, value in self._equal.items():
            # Records have no id, and leave out the default model.
            if (name, value) != ("model", DEFAULT_MODEL) and name != "id":
                yield from _member(name, value)
        for key, value in self.filter.metadata.items():
            yield from _member(key, value)

    def _written_of_failures(self) -> Iterator[bytes]:
        """What the record of a job that waits for a reason contains too."""
        if len(self.filter.reasons) == 1:
            yield from _member("code", *self.filter.reasons)

    def _written_at_the_end(self) -> Iterator[bytes]:
        """What the row of an ended job contains too."""
        if self.filter.job_id is not None:
            yield from _member("id", self.filter.job_id)
        if len(self._states) == 1:
            yield from _member("state", *self._states)
        if len(self.filter.reasons) == 1:
            yield from _member("reason", *self.filter.reasons)


def _member(name: str, value: str) -> Iterable[bytes]:
    if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
        return ()  # these may be written in several ways
    written = orjson.dumps(name) + b":" + orjson.dumps(value)
    # A slash is written with a backslash by the scripts, and without one by Python.
    return () if b"/" in written else (written,)


def _time_of(fields: Mapping[str, Any]) -> float:
    """When the job ended, began, or was submitted, in ms."""
    for name in ("finished", "started", "submitted"):
        at = fields.get(name)
        if isinstance(at, int | float) and (name != "started" or fields["state"] == "running"):
            return at
    return 0.0


def _text(fields: Mapping[str, Any], name: str) -> object:
    value = fields.get(name)
    return DEFAULT_MODEL if name == "model" and value is None else value
