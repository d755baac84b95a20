"""Finds documents in a corpus of any size, and reads single ones by their place."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from rerankq.cli.failures import CommandError
from rerankq.cli.input.files import STANDARD, Source
from rerankq.cli.input.passages import document_id, document_text
from rerankq.cli.input.trec.candidates import Place
from rerankq.cli.input.trec.tables import id_and_text
from rerankq.contract import MAX_JOB_BYTES

_BUFFER_BYTES: Final = 1024 * 1024


class Corpus:
    """A file with a document a line: an object of JSON, or an id, a tab and a text.

    Attributes:
        name: its name in messages.
    """

    def __init__(self, path: str) -> None:
        """Open it.

        Raises:
            CommandError: it cannot be read, or is compressed.
        """
        if path == STANDARD:
            raise CommandError("--corpus: single documents are read from it, so name a file")
        with Source.open(path, json_lines=False) as source:
            source.begin()
            if source.compression:
                raise CommandError(
                    f"cannot read {path}: it is {source.compression}, and single documents are "
                    "read from a corpus: unpack it first"
                )
        self.name = path
        self._file = Path(path).open("rb", buffering=_BUFFER_BYTES)  # noqa: SIM115  closed below
        if not self._file.seekable():
            self._file.close()
            raise CommandError(f"cannot read {path}: it is a pipe: name a file")

    def places(self) -> Iterator[Place]:
        """The places of all documents, in one reading; an empty line is none.

        Raises:
            CommandError: it cannot be read, or a line has another form.
        """
        start = number = 0
        self._file.seek(0)
        while line := self._line(MAX_JOB_BYTES):
            number += 1
            where = f"{self.name}, line {number}"
            if len(line) == MAX_JOB_BYTES:
                raise CommandError(f"{where}: it is over {MAX_JOB_BYTES:,} bytes: shorten it")
            if not line.isspace():
                name, text = id_and_text(line, document_id, document_text, where)
                # A document without a text cannot be ranked: it is missing.
                if text and not text.isspace():
                    yield Place(name, start, len(line))
            start += len(line)

    def text_at(self, place: Place) -> str:
        """The text of a document.

        Raises:
            CommandError: it cannot be read, or the file was changed since its places were found.
        """
        self._file.seek(place.start)
        line = self._line(place.length)
        where = f"{self.name}, byte {place.start}"
        name, text = id_and_text(line, document_id, document_text, where)
        if name != place.id:
            raise CommandError(f"{where}: the file was changed while it was read: run it again")
        return text

    def is_file(self, status: os.stat_result) -> bool:
        """Whether that is this file."""
        return os.path.samestat(os.fstat(self._file.fileno()), status)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _line(self, most: int) -> bytes:
        try:
            return self._file.readline(most)
        except OSError as error:
            raise CommandError(f"cannot read {self.name}: {error.strerror}") from None
