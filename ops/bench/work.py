"""The jobs, and the right answer to each. Standard library only: every peer imports it."""

import json
import os
import random
import zlib
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

SHAPE: Final = "BENCH_SHAPE"
"""Environment variable: `10x200` (documents a job, characters a document), or a JSONL file."""

_DISTINCT_JOBS: Final = 20
_WORDS: Final = 500


class Job(NamedTuple):
    """A job: a query, and the documents that are ranked for it."""

    query: str
    documents: list[str]


def jobs(count: int) -> list[Job]:
    """`count` jobs, each with its own query; their documents repeat."""
    shape = os.environ.get(SHAPE, "10x200")
    pool = _synthetic(shape) if shape[:1].isdigit() else _read(Path(shape))
    return [
        Job(f"{query} {number}", documents)
        for number, (query, documents) in enumerate(islice(cycle(pool), count))
    ]


def body(job: Job) -> dict[str, Any]:
    """The request that every peer posts."""
    return {
        "model": "qwen3-reranker-8b",
        "query": job.query,
        "documents": job.documents,
        "top_n": len(job.documents),
    }


def first(query: str, documents: int) -> int:
    """Index of the document that the stand-in upstream ranks first."""
    return zlib.crc32(query.encode()) % documents


def result(answer: dict[str, Any]) -> dict[str, Any]:
    """What every peer stores."""
    return {"results": answer["results"], "usage": answer["usage"]}


def check(rows: Sequence[dict[str, Any]], job: Job) -> None:
    """Check that a stored result is complete and belongs to this job.

    Raises:
        ValueError: it is not.
    """
    count = len(job.documents)
    due = [(first(job.query, count) + rank) % count for rank in range(count)]
    if [row["index"] for row in rows] != due:
        raise ValueError("a stored result is not the ranking of its job")
    if any(row["document"]["text"] != job.documents[row["index"]] for row in rows):
        raise ValueError("a stored result has other documents than its job")


def _synthetic(shape: str) -> list[Job]:
    documents, _, characters = shape.partition("x")
    chance = random.Random(7)  # noqa: S311  the same texts in every run
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=2 + n % 8)) for n in range(_WORDS)
    ]

    def text() -> str:
        return " ".join(chance.choices(words, k=int(characters)))[: int(characters)]

    return [
        Job("some matter of interest", [text() for _ in range(int(documents))])
        for _ in range(_DISTINCT_JOBS)
    ]


def _read(file: Path) -> list[Job]:
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [Job(row["query"], row["documents"]) for row in rows]
