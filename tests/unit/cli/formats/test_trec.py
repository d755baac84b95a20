import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerankq.cli.batch.outputs import open_ranked
from rerankq.cli.failures import CommandError
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.input.opening import Format, open_input
from rerankq.cli.input.trec.candidates import Candidates, RunLine
from rerankq.cli.input.trec.queries import Missing, TrecFiles, TrecInput
from rerankq.contract import Job

DEFAULTS = Defaults(model="m")
NAME = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)


def written(path: Path, lines: Iterable[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


class Files:
    """A run, its corpus and its topics, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = written(
            folder / "first.trec",
            ["q2 Q0 d1 1 9.5 bm25", "q1 Q0 d1 2 3 bm25", "q1 Q0 d2 1 4 bm25"],
        )
        self.corpus = written(
            folder / "corpus.jsonl",
            [
                json.dumps({"_id": "d1", "title": "One", "text": "the first"}),
                json.dumps({"_id": "d2", "title": "", "text": "the second, 第二"}),
                json.dumps({"_id": "other", "text": "of no query"}),
            ],
        )
        self.topics = written(folder / "topics.tsv", ["q1\tfirst question", "q2\tsecond question"])

    def opened(self, depth: int | None = None, missing: Missing = Missing.ERROR) -> TrecInput:
        """The run as an input."""
        files = TrecFiles(self.corpus, self.topics, depth, missing)
        opened = open_input(self.run, Format.TREC, trec=files)
        assert isinstance(opened, TrecInput)
        return opened

    def jobs(self, *, skip: int = 0, **options: Any) -> list[Job]:
        """The jobs of the run."""
        with self.opened(**options) as opened:
            opened.begin()
            entries = opened.entries(batch_id="batch-1", defaults=DEFAULTS, skip=skip)
            return [line.entry for _, line in entries if isinstance(line.entry, Job)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def told(jobs: list[Job]) -> list[tuple[str | None, str, list[Any]]]:
    return [(job.custom_id, job.request.query, list(job.request.documents)) for job in jobs]


def test_each_query_of_a_run_is_a_job(files: Files) -> None:
    """A query has its text of the topics, and its documents of the corpus, by rank."""
    assert told(files.jobs()) == [
        ("q2", "second question", ["One the first"]),
        ("q1", "first question", ["the second, 第二", "One the first"]),
    ]
    assert told(files.jobs(skip=1)) == told(files.jobs())[1:]
    assert told(files.jobs(depth=1))[1] == ("q1", "first question", ["the second, 第二"])


def test_corpus_and_topics_have_two_forms(files: Files) -> None:
    """A corpus may have values between tabs, and topics may be JSON Lines."""
    expected = told(files.jobs())
    files.corpus = written(
        files.folder / "corpus.tsv", ["d1\tOne\tthe first", "d2\tthe second, 第二"]
    )
    files.topics = written(
        files.folder / "topics.jsonl",
        ['{"_id": "q1", "text": "first question"}', '{"_id": "q2", "text": "second question"}'],
    )
    assert told(files.jobs()) == expected


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("q1 Q0 d1 1 0.5", r"line 2: a line of a run has 6 fields .* has 5"),
        ("q1 Q0 d1 first 0.5 t", "line 2: its rank is not a whole number"),
        ("q1 Q0 d1 1 high t", "line 2: its rank is not a whole number, or its score"),
        ("q2 Q0 d1 2 1 t", "line 2: its query has document d1 already"),
        ("q1 Q0 nowhere 1 1 t", r"line 2: document nowhere is not in .*corpus.*--missing skip"),
        ("q9 Q0 d1 1 1 t", r"line 2: query q9 is not in .*topics.*--missing skip"),
    ],
)
def test_a_bad_line_of_a_run_is_named(files: Files, line: str, fault: str) -> None:
    """Nothing is submitted of a run with a bad line: file, line and what to do are said."""
    files.run = written(files.folder / "bad.trec", ["q2 Q0 d1 1 9.5 bm25", line])
    with pytest.raises(CommandError, match=rf"bad\.trec, {fault}"):
        files.jobs()


@pytest.mark.parametrize("name", ["corpus", "topics"])
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"_id": "d1"', "line 1: it is not valid JSON"),
        ('{"name": "d1"}', "line 1: it has no id and text"),
        ("no tab", "line 1: it has no id and text"),
    ],
)
def test_a_bad_line_of_another_file_is_named(
    files: Files, name: str, line: str, fault: str
) -> None:
    """A line of corpus or topics without id and text is named with its file."""
    setattr(files, name, written(files.folder / f"bad-{name}", [line]))
    with pytest.raises(CommandError, match=rf"bad-{name}, {fault}"):
        files.jobs()


def test_what_is_missing_is_left_out_on_request(files: Files) -> None:
    """With `--missing skip`, missing documents and queries are left out, and counted."""
    files.run = written(
        files.folder / "run",
        [
            *("q1 Q0 gone 1 9 t", "q1 Q0 d1 2 8 t", "q9 Q0 d1 1 9 t", "q2 Q0 empty 1 9 t"),
            "q2 Q0 d2 2 8 t",
        ],
    )
    with Path(files.corpus).open("a") as corpus:
        corpus.write('{"_id": "empty", "text": " "}\n')
    assert told(files.jobs(missing=Missing.SKIP)) == [
        ("q1", "first question", ["One the first"]),
        ("q2", "second question", ["the second, 第二"]),
    ]
    with files.opened(missing=Missing.SKIP) as opened:
        opened.begin()
        assert opened.documents_of("q2") == ["d2"]
        assert opened.left_out.startswith("left out: 2 lines of ")
        numbers = [line.line for _, line in opened.entries(batch_id="b", defaults=DEFAULTS)]
        assert numbers == [1, 2]


def test_a_compressed_corpus_is_refused(files: Files) -> None:
    """Single documents are read from a corpus, so one that is compressed is to be unpacked."""
    packed = files.folder / "corpus.jsonl.gz"
    packed.write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00" + bytes(8))
    files.corpus = str(packed)
    with pytest.raises(CommandError, match="unpack it first"):
        files.opened()


def test_the_files_of_a_run_are_given_together(files: Files) -> None:
    """A run without corpus and topics is refused, and so are these without a run."""
    with pytest.raises(CommandError, match="are given together"):
        open_input(files.run, Format.TREC)
    with pytest.raises(CommandError, match="are given together"):
        open_input(files.run, trec=TrecFiles(files.corpus, files.topics))


@pytest.mark.parametrize("name", ["run", "corpus", "topics"])
def test_none_of_the_files_is_the_output(files: Files, name: str) -> None:
    """A file that is read is never written, whichever of the three it is."""
    with files.opened() as opened, pytest.raises(CommandError, match="input and output at once"):
        open_ranked(getattr(files, name), opened, print, tag="t")


def test_a_corpus_that_changes_meanwhile_is_noticed(files: Files) -> None:
    """A document is read from its place only if it is still there."""
    with files.opened() as opened:
        opened.begin()
        text = Path(files.corpus).read_text().splitlines()
        written(Path(files.corpus), reversed(text))
        with pytest.raises(CommandError, match="was changed while it was read"):
            list(opened.entries(batch_id="b", defaults=DEFAULTS))


def test_places_need_little_memory() -> None:
    """Places are kept beyond the memory that is allowed for them: they are on disk then."""
    candidates = Candidates(memory_bytes=64 * 1024)
    lines = (RunLine(at, f"q{at % 50}", f"document-{at}", at) for at in range(1, 20_001))
    candidates.take_run(lines, depth=3)
    assert candidates.count == 50
    assert candidates.documents_of("q7") == ["document-7", "document-57", "document-107"]
    candidates.close()


@settings(max_examples=25, deadline=None)
@given(
    run=st.dictionaries(
        NAME,
        st.dictionaries(NAME, st.integers(0, 3), min_size=1, max_size=6),
        min_size=1,
        max_size=5,
    )
)
def test_a_run_comes_back_with_new_ranks(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, dict[str, int]]
) -> None:
    """The output has each query's documents by their new scores; equal ones in the first order."""
    files = Files(tmp_path_factory.mktemp("trec"))
    files.run = written(
        files.folder / "run",
        [
            f"{query} Q0 {name} {rank} {-rank} first"
            for query, names in run.items()
            for rank, name in enumerate(names, 1)
        ],
    )
    documents = {name for names in run.values() for name in names}
    files.corpus = written(
        files.folder / "corpus", [json.dumps({"_id": name, "text": name}) for name in documents]
    )
    files.topics = written(files.folder / "topics", [f"{query}\t{query}" for query in run])
    out = files.folder / "out.trec"
    with files.opened() as opened:
        opened.begin()
        with open_ranked(str(out), opened, print, tag="second") as output:
            for job in files.jobs():
                scores = [run[str(job.custom_id)][str(text)] / 3 for text in job.request.documents]
                order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
                ranked = [{"index": at, "relevance_score": scores[at]} for at in order]
                row = {"custom_id": job.custom_id, "results": ranked}
                output.write(json.dumps(row).encode() + b"\n")
            output.end(whole=True)
    expected = [
        f"{query} Q0 {name} {rank} {score / 3} second"
        for query, names in run.items()
        for rank, (name, score) in enumerate(sorted(names.items(), key=lambda each: -each[1]), 1)
    ]
    assert out.read_text(encoding="utf-8").splitlines() == expected


def test_a_query_without_ranking_has_no_line(files: Files) -> None:
    """The user is told of a query that has no ranking, by its id and the reason."""
    said: list[str] = []
    out = files.folder / "out.trec"
    with files.opened() as opened:
        opened.begin()
        with open_ranked(str(out), opened, said.append, tag="t") as output:
            output.write(b'{"custom_id": "q1", "results": [], "error": {"code": "refused"}}\n')
            output.end(whole=True)
    assert out.read_text() == ""
    assert said == ["query q1 has no ranking: refused"]


def test_rows_of_a_run_are_written_to_a_name_of_rows(files: Files) -> None:
    """An output that is called `.jsonl` gets rows, also of a run."""
    out = files.folder / "out.jsonl"
    row = b'{"custom_id": "q1", "results": []}\n'
    with files.opened() as opened, open_ranked(str(out), opened, print, tag="t") as output:
        output.write(row)
        output.end(whole=True)
    assert out.read_bytes() == row
