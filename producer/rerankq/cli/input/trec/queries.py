"""A TREC run as an input of jobs: each query, with its documents, is one."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from rerankq.cli.failures import CommandError
from rerankq.cli.input.job_lines import Defaults, job_of
from rerankq.cli.input.trec.candidates import Candidates, Query
from rerankq.cli.input.trec.corpus import Corpus
from rerankq.cli.input.trec.run_file import run_lines
from rerankq.cli.input.trec.topics import topics
from rerankq.client import RejectedLine
from rerankq.client.batches import BatchLine
from rerankq.contract import JobError
from rerankq.counting import counted
from rerankq.errors import InvalidRequest

_MOST_BYTES_OF_A_CHARACTER: Final = 4


class Missing(StrEnum):
    """What happens when topics or corpus do not have what the run names."""

    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class TrecFiles:
    """What is read beside a run.

    Attributes:
        corpus: the file of documents.
        topics: the file of queries.
        depth: how many documents of each query are ranked again; None for all.
        missing: what happens with queries and documents that are in neither.
    """

    corpus: str
    topics: str
    depth: int | None = None
    missing: Missing = Missing.ERROR


class TrecInput:
    """A run whose queries are jobs. `JobInput` says what its methods do.

    Attributes:
        name: the run's name in messages.
        unit: what holds a job.
        compression: none that users need be told of.
        left_out: what was left out, for people; empty when nothing was.
    """

    unit: Final = "query"
    compression: Final = None

    def __init__(self, path: str, files: TrecFiles) -> None:
        """Open it.

        Raises:
            CommandError: the corpus cannot be read.
        """
        self.name = path
        self.left_out = ""
        self._files = files
        self._corpus = Corpus(files.corpus)
        self._candidates = Candidates()
        self._is_begun = False
        self._read = self._count = 0

    def begin(self) -> None:
        """Read run and topics, and find the documents in the corpus.

        Raises:
            CommandError: a file cannot be read, a line has another form, or something is missing.
        """
        if self._is_begun:
            return
        self._is_begun = True
        try:
            self._look_up()
        except sqlite3.Error:
            raise CommandError(
                "no space on disk for the places of documents: TMPDIR chooses another folder"
            ) from None

    def entries(
        self, *, batch_id: str, defaults: Defaults, skip: int = 0
    ) -> Iterator[tuple[int, BatchLine]]:
        """The entries of its queries, in the order in which the run names them first.

        Raises:
            CommandError: the corpus cannot be read any further.
        """
        self.begin()
        for query in self._candidates.queries(skip):
            self._read = query.number
            yield self._entry(query, batch_id, defaults)

    def documents_of(self, query_id: str) -> list[str]:
        """The ids of a query's documents, in the order of its job."""
        return self._candidates.documents_of(query_id)

    @property
    def share_read(self) -> float | None:
        """How many of its queries have been read, 0 to 1."""
        return self._read / self._count if self._count else None

    def is_file(self, status: os.stat_result) -> bool:
        """Whether that is one of its three files."""
        with suppress(OSError):
            for path in (self.name, self._files.topics):
                if os.path.samestat(Path(path).stat(), status):
                    return True
        return self._corpus.is_file(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._corpus.__exit__()
        self._candidates.close()

    def _look_up(self) -> None:
        candidates = self._candidates
        candidates.take_run(run_lines(self.name), self._files.depth)
        if again := candidates.repeated():
            raise CommandError(
                f"{self.name}, line {again.line}: its query has document {again.id} already: "
                "leave one of the lines out"
            )
        candidates.take_topics(topics(self._files.topics))
        candidates.take_places(self._corpus.places())
        if self._files.missing is Missing.ERROR:
            self._refuse_gaps()
        queries, lines = candidates.leave_gaps_out()
        if queries or lines:
            self.left_out = (
                f"left out: {counted(lines, 'line')} of {self.name} whose document is not in "
                f"{self._corpus.name}, and queries without text or documents: {queries}"
            )
        self._count = candidates.count

    def _refuse_gaps(self) -> None:
        if gap := self._candidates.query_without_text():
            raise CommandError(
                f"{self.name}, line {gap.line}: query {gap.id} is not in {self._files.topics}: add "
                "it there, or leave such queries out with --missing skip"
            )
        if gap := self._candidates.document_without_place():
            raise CommandError(
                f"{self.name}, line {gap.line}: document {gap.id} is not in {self._corpus.name}, "
                "or has no text there: add it, or leave such documents out with --missing skip"
            )

    def _entry(self, query: Query, batch_id: str, defaults: Defaults) -> tuple[int, BatchLine]:
        texts = [self._corpus.text_at(place) for place in query.documents]
        size = len(query.text) + sum(map(len, texts))
        fields: dict[str, Any] = {
            "custom_id": query.id,
            "query": query.text,
            "documents": texts,
            "return_documents": False,
        }
        try:
            job = job_of(fields, size * _MOST_BYTES_OF_A_CHARACTER, batch_id, defaults)
        except InvalidRequest as fault:
            error = JobError(code=fault.code, message=f"query {query.id}: {fault}")
            rejected = RejectedLine(line=query.number, custom_id=query.id, error=error)
            return size, BatchLine(query.number, rejected)
        return size, BatchLine(query.number, job)
