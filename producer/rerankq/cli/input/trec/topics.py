"""Reads topics: the texts of queries, as values between tabs or as JSON Lines."""

from collections.abc import Iterator

from rerankq.cli.failures import CommandError
from rerankq.cli.input.files import Source
from rerankq.cli.input.lines import read_lines
from rerankq.cli.input.passages import query_id, query_text
from rerankq.cli.input.trec.tables import id_and_text
from rerankq.contract import MAX_JOB_BYTES


def topics(path: str) -> Iterator[tuple[str, str]]:
    """The ids and texts of the topics.

    Raises:
        CommandError: they cannot be read, or a line has another form.
    """
    with Source.open(path, json_lines=False) as source:
        for line in read_lines(source, limit=MAX_JOB_BYTES):
            where = f"{source.name}, line {line.number}"
            if line.text is None:
                raise CommandError(f"{where}: it is over {MAX_JOB_BYTES:,} bytes: shorten it")
            if line.text.strip():
                yield id_and_text(line.text, query_id, query_text, where)
