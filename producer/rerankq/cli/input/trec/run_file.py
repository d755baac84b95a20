"""Reads a TREC run: lines of query, Q0, document, rank, score and tag.

Source of the form: https://github.com/usnistgov/trec_eval, "results_file".
"""

from collections.abc import Iterator
from typing import Final

from rerankq.cli.failures import CommandError
from rerankq.cli.input.files import Source
from rerankq.cli.input.lines import read_lines
from rerankq.cli.input.trec.candidates import RunLine

LONGEST_LINE: Final = 64 * 1024
_FIELDS: Final = 6


def run_lines(path: str) -> Iterator[RunLine]:
    """The lines of a run; blank ones are none.

    Raises:
        CommandError: it cannot be read, or a line has another form.
    """
    with Source.open(path, json_lines=False) as source:
        for number, text in (
            (each.number, each.text) for each in read_lines(source, limit=LONGEST_LINE)
        ):
            if text is None or text.strip():
                yield _read(text or b"", f"{source.name}, line {number}", number)


def _read(text: bytes, where: str, number: int) -> RunLine:
    try:
        fields = text.decode().split()
    except UnicodeDecodeError:
        raise CommandError(f"{where}: it is not valid UTF-8: correct the line") from None
    if len(fields) != _FIELDS:
        raise CommandError(
            f"{where}: a line of a run has 6 fields (query Q0 document rank score tag), and this "
            f"has {len(fields)}: correct it"
        )
    query, _, document, rank, score, _ = fields
    try:
        float(score)
        return RunLine(number, query, document, int(rank))
    except ValueError:
        raise CommandError(
            f"{where}: its rank is not a whole number, or its score not a number: correct it"
        ) from None
