"""Runs whose input or output is no plain JSON Lines."""

import asyncio
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from redis import Redis

from rerankq.client import AsyncRerankClient
from rerankq.client.batches import BatchLine
from rerankq.contract import Job, RerankRequest
from running.command_line import CommandLine


@pytest.mark.usefixtures("worker")
def test_a_table_is_ranked_into_a_table(rerankq: CommandLine, tmp_path: Path) -> None:
    """Each row of a Parquet file has its row in the output, by its id, and bad ones their error."""
    given, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    rows = {
        "row_id": list(range(60)),
        "question": [None if number == 7 else f"q{number}" for number in range(60)],
        "docs": [[f"first of {number}", f"second of {number}"] for number in range(60)],
    }
    parquet.write_table(pa.table(rows), given, row_group_size=25)
    done = rerankq("run", str(given), "-o", str(out), "--column", "documents=docs")
    assert done.returncode == 1
    assert "run: row 8: query: is required" in done.stderr
    table = parquet.read_table(out).to_pylist()
    assert [row["custom_id"] for row in table] == [str(number) for number in range(60)]
    assert table[7]["error"]["code"] == "invalid_request"
    assert {row["status"] for row in table if row["error"] is None} == {"succeeded"}
    assert [each["index"] for each in table[3]["results"]] == [0, 1]
    # What `run` has written, `results` can write again, in another format.
    batch = done.stderr.split("run: ", 2)[1].split()[0]
    again = tmp_path / "again.jsonl.gz"
    assert rerankq("results", batch, "-o", str(again)).returncode == 1
    lines = [json.loads(line) for line in gzip.decompress(again.read_bytes()).splitlines()]
    assert [line["custom_id"] for line in lines] == [row["custom_id"] for row in table]
    assert [line["job_id"] for line in lines] == [row["job_id"] for row in table]


@pytest.mark.usefixtures("worker")
def test_the_first_jobs_can_be_left_out(rerankq: CommandLine, tmp_path: Path) -> None:
    """`--skip N` submits what comes after the first N jobs; blank lines do not count."""
    given, out = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl"
    line = '{"custom_id": "%d", "query": "q", "documents": ["d"]}\n'
    given.write_bytes(gzip.compress(("\n" + "\n".join(line % n for n in range(4))).encode()))
    assert rerankq("run", str(given), "--skip", "3", "-o", str(out)).returncode == 0
    assert [json.loads(row)["custom_id"] for row in out.read_text().splitlines()] == ["3"]


@pytest.mark.usefixtures("worker")
def test_a_run_is_ranked_into_a_run(rerankq: CommandLine, tmp_path: Path) -> None:
    """A TREC run comes back with new scores, its documents found in corpus and topics."""
    run, out = tmp_path / "first.trec", tmp_path / "second.trec.gz"
    run.write_text("q1 Q0 d1 2 3 bm25\nq1 Q0 d2 1 4 bm25\nq2 Q0 d1 1 9 bm25\n")
    corpus, topics = tmp_path / "corpus.tsv", tmp_path / "topics.tsv"
    corpus.write_text("d1\tthe first\nd2\tthe second\n")
    topics.write_text("q1\tone\nq2\ttwo\n")
    files = ("--corpus", str(corpus), "--topics", str(topics), "--tag", "second")
    done = rerankq("run", str(run), "--format", "trec", *files, "-o", str(out))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in gzip.decompress(out.read_bytes()).decode().splitlines()]
    assert [(line[0], line[2], line[3], line[5]) for line in lines] == [
        ("q1", "d2", "1", "second"),
        ("q1", "d1", "2", "second"),
        ("q2", "d1", "1", "second"),
    ]


@pytest.mark.usefixtures("worker")
def test_a_run_goes_on_from_its_checkpoint(
    rerankq: CommandLine, redis_url: str, tmp_path: Path
) -> None:
    """After a run that ended early, and one that was killed, no job is lost or submitted twice."""
    given, out, checkpoint = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "checkpoint"
    lines = [json.dumps({"custom_id": f"{n}", "query": "q", "documents": ["d"]}) for n in range(6)]
    given.write_text("\n".join([*lines[:2], "", '{"custom_id": "bad"}', *lines[2:]]))
    command = ("run", str(given), "-o", str(out), "--checkpoint", str(checkpoint))

    def names() -> list[str]:
        return [json.loads(line)["custom_id"] for line in out.read_text().splitlines()]

    first = rerankq(*command, "--on-error", "stop")
    assert first.returncode == 2
    assert f"the same command, with --checkpoint {checkpoint}, goes on" in first.stderr
    assert names() == ["0", "1", "bad"]

    changed = rerankq(*command, "--top-n", "1")
    assert changed.returncode == 2
    assert "--top-n was not given and is 1" in changed.stderr
    assert names() == ["0", "1", "bad"]

    async def killed() -> str:
        async with AsyncRerankClient(redis_url) as client:
            batch = await client.open_batch()
            request = RerankRequest(query="q", documents=("d",))
            job = Job(request=request, custom_id="2", batch_id=batch.id)
            await batch.feed().add([BatchLine(5, job)])
            return batch.id

    with checkpoint.open("a") as file:
        file.write(json.dumps({"batch": asyncio.run(killed())}) + "\n")
    last = rerankq(*command)
    assert last.returncode == 1, last.stderr
    assert "4 jobs submitted before, not again" in last.stderr
    assert names() == ["0", "1", "bad", "2", "3", "4", "5"]
    with Redis.from_url(redis_url) as redis:
        assert len(redis.keys("rerankq:job:*")) == 6

    again = rerankq(*command)
    assert again.returncode == 0
    assert "is complete" in again.stderr
    assert names() == ["0", "1", "bad", "2", "3", "4", "5"]
