"""Output as a TREC run, with new ranks and scores."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import orjson

from rerankq.cli.rows.output import Output


class TrecOutput:
    """Writes a run: for each query its documents by their new scores.

    Documents with equal scores keep the order of the run that was read. A query without a ranking
    has no line, and the user is told of it.

    Args:
        inner: takes the lines.
        documents_of: the ids of a query's documents, in the order of its job.
        tag: names the run, in each line.
        say: shows the user a line.

    Attributes:
        name: the output's name in messages.
    """

    def __init__(
        self,
        inner: Output,
        *,
        documents_of: Callable[[str], Sequence[str]],
        tag: str,
        say: Callable[[str], None],
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._documents_of = documents_of
        self._tag = tag
        self._say = say

    def write(self, lines: bytes, /) -> None:
        """Write the rankings of these rows.

        Raises:
            OutputFailed, OutputClosed: it cannot be written.
        """
        rows = map(orjson.loads, lines.splitlines())
        if text := "".join(line for row in rows for line in self._lines(row)):
            self._inner.write(text.encode())

    def end(self, *, whole: bool) -> None:
        """End the output.

        Raises:
            OutputFailed: it cannot be written.
        """
        self._inner.end(whole=whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.__exit__(None, None, None)

    def _lines(self, row: dict[str, Any]) -> list[str]:
        query = row["custom_id"]
        if "error" in row:
            self._say(f"query {query} has no ranking: {row['error']['code']}")
            return []
        names = self._documents_of(query)
        return [
            f"{query} Q0 {names[each['index']]} {rank} {each['relevance_score']!r} {self._tag}\n"
            for rank, each in enumerate(row["results"], 1)
        ]
