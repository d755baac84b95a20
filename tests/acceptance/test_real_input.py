import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from running.command import RERANKQ, rerankq, sandbox_process
from running.worker import RunningWorker


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_real_questions_run_through_separate_processes(
    redis_url: str, dureader: Path, tmp_path: Path
) -> None:
    """Real questions come back in order, each ranked and with its own documents."""
    out = tmp_path / "out.jsonl"
    with (
        sandbox_process(tmp_path, "--key", "sk-test") as url,
        RunningWorker(redis_url, url, tmp_path, lane="", command=(RERANKQ,)),
    ):
        done = rerankq(
            *("run", str(dureader), "-o", str(out), "--top-n", "5"), RERANKQ_REDIS_URL=redis_url
        )
    assert done.returncode == 0, done.stderr
    assert "199 of 199 jobs done, 0 failed" in done.stderr
    asked, answered = lines(dureader), lines(out)
    assert [row["custom_id"] for row in answered] == [row["custom_id"] for row in asked]
    for question, answer in zip(asked, answered, strict=True):
        documents, results = question["documents"], answer["results"]
        assert answer["status"] == "succeeded"
        assert answer["attempts"] == 1
        assert len(results) == min(5, len(documents))
        assert len({row["index"] for row in results}) == len(results)
        assert all(row["document"]["text"] == documents[row["index"]] for row in results)
        scores = [row["relevance_score"] for row in results]
        assert scores == sorted(scores, reverse=True)


def test_the_vendors_own_sample_runs_against_the_sandbox(owners_page: str, tmp_path: Path) -> None:
    """The vendor's Python sample runs; only its URL and key are changed."""
    found = re.search(r"```python\n(.*?)```", owners_page, re.DOTALL)
    assert found
    with sandbox_process(tmp_path, "--key", "sk-sample") as url:
        sample = found[1].replace("https://www.dmxapi.cn/v1/rerank", url)
        sample = re.sub(r'"sk-\*+"', '"sk-sample"', sample)
        done = subprocess.run(
            [sys.executable, "-c", sample],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "'index': 0" in done.stdout
    assert "relevance_score" in done.stdout
