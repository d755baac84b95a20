import json
import re
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from running.command import rerankq


def question(name: str, **fields: Any) -> dict[str, Any]:
    documents = [f"first of {name}", f"second of {name}", f"third of {name}"]
    return {"custom_id": name, "query": name, "documents": documents} | fields


def written(path: Path, *lines: dict[str, Any] | str) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def jobs_in(redis_url: str) -> int:
    with Redis.from_url(redis_url) as client:
        return len(client.keys("rerankq:job:*"))


@pytest.mark.usefixtures("worker")
def test_rankings_come_in_the_order_of_the_lines(redis_url: str, tmp_path: Path) -> None:
    """However many jobs there are, line N of the output is line N of the input."""
    names = [f"q{number}" for number in range(1200)]
    given = written(tmp_path / "in.jsonl", *map(question, names))
    out = tmp_path / "out.jsonl"
    done = rerankq("run", given, "-o", str(out), RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    answered = rows(out.read_text())
    assert [row["custom_id"] for row in answered] == names
    assert all(row["status"] == "succeeded" and row["attempts"] == 1 for row in answered)
    assert [each["index"] for each in answered[7]["results"]] == [0, 1, 2]
    assert answered[7]["results"][1]["document"]["text"] == "second of q7"
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"run: 1200 of 1200 jobs done, 0 failed, [\d.]+ jobs/s", last)


@pytest.mark.usefixtures("worker")
def test_a_bad_line_keeps_its_place(redis_url: str, tmp_path: Path) -> None:
    """Bad lines are reported by number, without their text, and have a row in the output."""
    given = written(
        tmp_path / "in.jsonl",
        question("a"),
        '{"query": "secret',
        "",
        question("b", top_n=0),
        question("c"),
    )
    done = rerankq("run", given, RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 1
    answered = rows(done.stdout)
    assert [row["custom_id"] for row in answered] == ["a", None, "b", "c"]
    assert [row["status"] for row in answered] == ["succeeded", "failed", "failed", "succeeded"]
    assert answered[2]["job_id"] is None
    assert answered[2]["error"]["code"] == "invalid_request"
    assert "run: line 2: not valid JSON" in done.stderr
    assert "run: line 4: top_n: must be 1 or more" in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert "2 of 2 jobs done, 0 failed" in done.stderr
    assert "2 bad lines" in done.stderr


@pytest.mark.usefixtures("worker")
def test_stop_submits_nothing_after_a_bad_line(redis_url: str, tmp_path: Path) -> None:
    """Jobs accepted before the bad line are waited for and written; the exit code is 2."""
    given = written(tmp_path / "in.jsonl", question("a"), question("b"), "{}", question("c"))
    done = rerankq("run", given, "--on-error", "stop", RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 2
    assert [row["custom_id"] for row in rows(done.stdout)] == ["a", "b", None]
    assert "rerankq: nothing from line 4 on was submitted" in done.stderr
    assert jobs_in(redis_url) == 2


@pytest.mark.usefixtures("worker")
def test_a_failed_job_has_its_reason(redis_url: str, tmp_path: Path) -> None:
    """A failed job gives exit code 1; its row has the reason and the number of attempts."""
    given = written(tmp_path / "in.jsonl", question("fail a"), question("b"))
    done = rerankq("run", given, RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 1
    failed, succeeded = rows(done.stdout)
    assert succeeded["status"] == "succeeded"
    assert (failed["status"], failed["results"], failed["attempts"]) == ("failed", [], 2)
    assert failed["error"] == {"code": "upstream_refused", "message": "the upstream refused it"}
    assert "run: 1 of 2 jobs done, 1 failed" in done.stderr


@pytest.mark.usefixtures("worker")
def test_options_are_for_lines_that_say_nothing(redis_url: str) -> None:
    """--top-n, --lane and --model are defaults; a line's own value wins."""
    given = "".join(json.dumps(each) + "\n" for each in (question("a"), question("b", top_n=2)))
    done = rerankq(
        *("run", "-", "--top-n", "1", "--lane", "interactive"),
        given=given,
        RERANKQ_REDIS_URL=redis_url,
    )
    assert done.returncode == 0, done.stderr
    first, second = rows(done.stdout)
    assert (len(first["results"]), len(second["results"])) == (1, 2)
    status = rerankq("status", first["job_id"], "--json", RERANKQ_REDIS_URL=redis_url)
    assert json.loads(status.stdout)["lane"] == "interactive"


@pytest.mark.usefixtures("worker")
def test_an_idempotency_key_brings_the_same_job_again(redis_url: str, tmp_path: Path) -> None:
    """A line with a known key gets the earlier job's ranking, at the line's place and name."""
    given = written(
        tmp_path / "in.jsonl",
        question("a", idempotency_key="k"),
        question("b"),
        question("a", idempotency_key="k") | {"custom_id": "again"},
        question("other", idempotency_key="k"),
    )
    first = rerankq("run", given, RERANKQ_REDIS_URL=redis_url)
    again = rerankq("run", given, RERANKQ_REDIS_URL=redis_url)
    for done in (first, again):
        assert done.returncode == 1
        assert [row["custom_id"] for row in rows(done.stdout)] == ["a", "b", "again", "other"]
        assert "run: line 4: the idempotency key was used before" in done.stderr
        assert "run: 3 of 3 jobs done, 0 failed" in done.stderr
    known = {row["job_id"] for row in rows(first.stdout) + rows(again.stdout)} - {None}
    assert len(known) == jobs_in(redis_url) == 3


@pytest.mark.usefixtures("worker")
def test_a_script_reads_the_summary(redis_url: str) -> None:
    """With --quiet --json, stderr is one JSON object."""
    done = rerankq(
        *("run", "-", "--quiet", "--json"),
        given=json.dumps(question("a")),
        RERANKQ_REDIS_URL=redis_url,
    )
    summary = json.loads(done.stderr)
    assert (summary["jobs"], summary["succeeded"], summary["bad_lines"]) == (1, 1, 0)
    assert summary["batch_id"].startswith("batch-")


def test_an_empty_input_is_done_at_once(redis_url: str) -> None:
    """An empty input is not an error."""
    done = rerankq("run", "-", given="\n \n", RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 0
    assert done.stdout == ""
    assert "run: 0 of 0 jobs done, 0 failed" in done.stderr


def test_without_redis_nothing_is_touched(tmp_path: Path) -> None:
    """Without a Redis there is one line and exit code 2; the output keeps its content."""
    given = written(tmp_path / "in.jsonl", question("a"))
    out = tmp_path / "out.jsonl"
    out.write_text("of an earlier run\n")
    done = rerankq(
        "run", given, "-o", str(out), seconds=30, RERANKQ_REDIS_URL="redis://127.0.0.1:1/0"
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("rerankq: Redis at 127.0.0.1:1 cannot be reached")
    assert out.read_text() == "of an earlier run\n"


def test_a_misspelt_setting_is_refused() -> None:
    """A setting that nothing reads is named, with the one that was meant."""
    done = rerankq("run", "-", given="", RERANKQ_REDIS_ULR="redis://127.0.0.1:1/0")
    assert done.returncode == 2
    assert (
        done.stderr == "rerankq: RERANKQ_REDIS_ULR is no setting: did you mean RERANKQ_REDIS_URL?\n"
    )


@pytest.mark.usefixtures("worker")
def test_a_full_disk_leaves_the_jobs_running(redis_url: str) -> None:
    """An output that cannot be written ends the run, which prints how to come back."""
    done = rerankq(
        *("run", "-", "-o", "/dev/full"),
        given=json.dumps(question("a")),
        RERANKQ_REDIS_URL=redis_url,
    )
    assert done.returncode == 2
    assert "rerankq: cannot write /dev/full: No space left on device" in done.stderr
    batch = re.search(r"rerankq results (\S+) -o FILE, on a disk with free space", done.stderr)
    assert batch
    results = rerankq("results", batch[1], RERANKQ_REDIS_URL=redis_url)
    assert [row["custom_id"] for row in rows(results.stdout)] == ["a"]
