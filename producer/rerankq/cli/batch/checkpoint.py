"""The checkpoint of a run: which batches it has opened, and by which settings.

A file with a JSON object a line, which is only ever added to: the settings, then the id of each
batch, then `complete`. A last line that a crash cut off says nothing. While a run has the file
open, no other run can use it.
"""

import fcntl
import os
from collections.abc import Mapping
from io import FileIO
from typing import Any, Final, Self

import orjson

from rerankq.cli.failures import CommandError

VERSION: Final = 1
_HEAD: Final = b'{"checkpoint":'


class Checkpoint:
    """What earlier runs with the same checkpoint have done.

    Attributes:
        name: its file, for messages.
        batches: the batches that were opened, in the order of the input.
        is_complete: whether all rankings have been written.
    """

    def __init__(self, file: FileIO, name: str) -> None:
        self.name = name
        self.batches: list[str] = []
        self.is_complete = False
        self._file = file

    @classmethod
    def open(cls, path: str, settings: Mapping[str, object]) -> Self:
        """Open a checkpoint, or begin one.

        Args:
            path: its file.
            settings: all that decides what is submitted, by the name that users know.

        Raises:
            CommandError: it cannot be read or written, it is no checkpoint, another run uses it, or
                its settings were others.
        """
        try:
            file = FileIO(path, "a+")
        except OSError as error:
            raise CommandError(f"cannot write {path}: {error.strerror}") from None
        checkpoint = cls(file, path)
        try:
            checkpoint._read(settings)
        except OSError as error:
            file.close()
            raise CommandError(f"cannot read {path}: {error.strerror}") from None
        except BaseException:
            file.close()
            raise
        return checkpoint

    def began(self, batch_id: str) -> None:
        """Note a batch, before anything is added to it.

        Raises:
            CommandError: the file cannot be written.
        """
        self._add({"batch": batch_id})
        self.batches.append(batch_id)

    def completed(self) -> None:
        """Note that all rankings have been written.

        Raises:
            CommandError: the file cannot be written.
        """
        if not self.is_complete:
            self._add({"complete": True})
            self.is_complete = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _read(self, settings: Mapping[str, object]) -> None:
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"another run is using the checkpoint {self.name}: wait for it, or name another"
            ) from None
        self._file.seek(0)
        *lines, rest = self._file.readall().split(b"\n")
        given = orjson.loads(orjson.dumps({"checkpoint": VERSION, "settings": settings}))
        if not lines:
            if rest and not rest.startswith(_HEAD[: len(rest)]):
                raise self._foreign()
            self._file.truncate(0)
            self._add(given)
            return
        head, *notes = map(self._parsed, lines)
        if head.get("checkpoint") != VERSION or not isinstance(head.get("settings"), dict):
            raise self._foreign()
        self._compare(head["settings"], given["settings"])
        if rest:
            self._file.truncate(self._file.tell() - len(rest))
        self.batches = [str(note["batch"]) for note in notes if "batch" in note]
        self.is_complete = any("complete" in note for note in notes)

    def _compare(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        changed = [
            f"{name} was {_shown(before.get(name))} and is {_shown(now.get(name))}"
            for name in {**before, **now}
            if before.get(name) != now.get(name)
        ]
        if changed:
            raise CommandError(
                f"the checkpoint {self.name} is of a run with other settings: "
                f"{'; '.join(changed)}. Give the former ones to go on, or name another checkpoint "
                "to run all of it anew"
            )

    def _add(self, note: Mapping[str, object]) -> None:
        try:
            self._file.write(orjson.dumps(note) + b"\n")
            os.fsync(self._file.fileno())
        except OSError as error:
            raise CommandError(f"cannot write {self.name}: {error.strerror}") from None

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            note = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise self._foreign() from None
        if not isinstance(note, dict):
            raise self._foreign()
        return note

    def _foreign(self) -> CommandError:
        return CommandError(f"{self.name} is no checkpoint of rerankq: name another file")


def _shown(value: object) -> str:
    return "not given" if value is None else orjson.dumps(value).decode()
