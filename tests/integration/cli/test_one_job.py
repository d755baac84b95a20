"""Commands for one job; run in this process, which saves the start of each."""

import json
from pathlib import Path

import pytest

from running.command_line import CommandLine

QUESTION = ("--query", "cats", "-d", "a cat", "-d", "a dog")


@pytest.mark.usefixtures("worker")
def test_a_job_is_followed_by_its_id(rerankq: CommandLine) -> None:
    """status, result and cancel take the id that submit prints."""
    job_id = rerankq.submitted(*QUESTION, "--top-n", "1", "--custom-id", "mine")
    result = rerankq.asked("result", job_id)
    assert (result["code"], result["status"], result["custom_id"]) == (0, "succeeded", "mine")
    assert [row["document"]["text"] for row in result["results"]] == ["a cat"]
    status = rerankq.asked("status", job_id)
    assert (status["status"], status["lane"]) == ("succeeded", "interactive")
    cancelled = rerankq.asked("cancel", job_id)
    assert cancelled == {"job_id": job_id, "was": "succeeded", "status": "succeeded", "code": 1}


@pytest.mark.usefixtures("worker")
def test_a_tenants_job_gets_its_id_from_the_service(rerankq: CommandLine) -> None:
    """Tenants do not choose ids of jobs; submit prints the one that the job has."""
    job_id = rerankq.submitted(*QUESTION, "--tenant", "acme")
    status = rerankq.asked("result", job_id, "--tenant", "acme")
    assert (status["code"], status["status"]) == (0, "succeeded")


@pytest.mark.usefixtures("worker")
def test_a_ranking_reads_well(rerankq: CommandLine) -> None:
    """Without --json, a result is a table, best first."""
    done = rerankq("submit", *QUESTION, "--wait")
    assert done.returncode == 0, done.stderr
    header, first, second = done.stdout.splitlines()
    assert header.split() == ["#", "score", "index", "document"]
    assert first.split() == ["1", "1.0000", "0", "a", "cat"]
    assert second.split() == ["2", "0.5000", "1", "a", "dog"]
    good = rerankq("submit", *QUESTION, "--wait", "--min-score", "0.6", "--raw-scores")
    header, only = good.stdout.splitlines()
    assert header.split() == ["#", "score", "raw", "index", "document"]
    assert only.split() == ["1", "1.0000", "1.0000", "0", "a", "cat"]


@pytest.mark.usefixtures("worker")
def test_a_job_comes_from_stdin_in_either_form(rerankq: CommandLine) -> None:
    """Without --query, stdin holds the job as `run` would read it."""
    flat = {"query": "q", "documents": ["d"], "relevant": [0]}
    form = {"custom_id": "c", "method": "POST", "url": "/v1/rerank", "body": flat}
    for given in (flat, form):
        job_id = rerankq.submitted(given=json.dumps(given))
        assert rerankq.asked("result", job_id)["status"] == "succeeded"


@pytest.mark.parametrize("given", ["", "[1]"])
def test_what_is_no_job_on_stdin_is_named(rerankq: CommandLine, given: str) -> None:
    """The message names stdin, and the options that take its place."""
    done = rerankq("submit", given=given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rerankq: the job on stdin: ")
    assert done.stderr.endswith("; or give --query and --document\n")


def test_an_option_wins_over_stdin(rerankq: CommandLine) -> None:
    """Options override the job on stdin; the rest is taken from stdin."""
    given = json.dumps({"query": "q", "documents": ["d"], "lane": "bulk", "custom_id": "theirs"})
    job_id = rerankq.submitted("--custom-id", "mine", "--job-id", "by-hand", given=given)
    status = rerankq.asked("status", job_id)
    assert (job_id, status["custom_id"], status["lane"]) == ("by-hand", "mine", "bulk")
    status = rerankq.asked("status", rerankq.submitted("--lane", "interactive", given=given))
    assert (status["custom_id"], status["lane"]) == ("theirs", "interactive")


@pytest.mark.usefixtures("worker")
def test_documents_come_from_a_file(rerankq: CommandLine, tmp_path: Path) -> None:
    """Each line of the file is a document; blank lines are skipped."""
    file = tmp_path / "documents.txt"
    file.write_text("\ufeffeins\n\nzwei\u2028 noch zwei\n", "utf-8")
    job_id = rerankq.submitted("-q", "q", "--documents-file", str(file))
    rows = rerankq.asked("result", job_id)["results"]
    assert [row["document"]["text"] for row in rows] == ["eins", "zwei\u2028 noch zwei"]


@pytest.mark.usefixtures("worker")
def test_a_failed_job_is_exit_code_1(rerankq: CommandLine) -> None:
    """For a job without a ranking the reason is printed, as a line or as JSON."""
    job_id = rerankq.submitted("-q", "fail", "-d", "d")
    result = rerankq.asked("result", job_id)
    assert (result["code"], result["status"]) == (1, "failed")
    assert result["error"]["code"] == "upstream_refused"
    done = rerankq("result", job_id)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "rerankq: the upstream refused it\n"


def test_a_waiting_job_can_be_cancelled(rerankq: CommandLine) -> None:
    """A job that no worker serves has no result in time, and can be cancelled."""
    job_id = rerankq.submitted(*QUESTION)
    early = rerankq("result", job_id, "--timeout", "0.1")
    assert early.returncode == 1
    assert f"job {job_id} has not ended after 0.1 seconds" in early.stderr
    done = rerankq("cancel", job_id)
    assert (done.returncode, done.stdout) == (0, "cancelled; it was queued\n")
    assert rerankq.asked("result", job_id)["status"] == "cancelled"


def test_an_unknown_id_is_exit_code_1(rerankq: CommandLine) -> None:
    """Each command says that there is no such job, at once."""
    for command in ("status", "result", "cancel"):
        done = rerankq(command, "nope")
        assert done.returncode == 1
        assert done.stderr.startswith("rerankq: no job has the id nope")


def test_a_bad_job_is_exit_code_2(rerankq: CommandLine) -> None:
    """The message names the wrong field, and nothing is submitted."""
    for arguments, given, said in (
        (("-d", "d"), "", "query: is required"),
        (("-q", "q"), "", "documents: must not be empty"),
        ((), '{"query": "q"}', "documents: is required"),
        ((), "{", "the job on stdin: not valid JSON"),
        (("-q", "q", "--documents-file", "/nope"), "", "cannot read /nope"),
    ):
        done = rerankq("submit", *arguments, given=given)
        assert done.returncode == 2
        assert done.stderr.startswith(f"rerankq: {said}")
        assert done.stderr.count("\n") == 1
