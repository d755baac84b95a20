"""`rerankq compare`: two sites on the same questions, by real calls under the shared limits."""

import json
from pathlib import Path

import pytest

from running.command_line import CommandLine
from running.sandbox import RunningSandbox

KEY = "sk-CANARY-0123456789-of-the-account-wxyz"
SITE = """
[[sites]]
name = "{name}"
url = "{url}"
[[sites.accounts]]
name = "{name}"
keys = ["DMXAPI_API_KEY"]
rpm = 6000
"""
PRICES = """
[[prices]]
model = "tiny"
currency = "EUR"
per_million_tokens = 1.0
as_of = 2026-12-01
source = "a test"
"""
QUESTIONS = [
    {"custom_id": "one", "query": "pen", "documents": ["ink", "a pen", "pens"], "relevant": [1]},
    {"query": "cat", "documents": ["a dog", "a cat sat", "cat", "tac"], "relevance": [0, 1, 2, 0]},
]


def test_two_sites_are_compared(
    rerankq: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Figures of each side and of both; a line that is no question is told of and left out."""
    lines = "\n".join([*map(json.dumps, QUESTIONS), '{"query": "CANARY", "documents": []}'])
    with RunningSandbox(keys=(KEY,)) as one, RunningSandbox(keys=(KEY,), scorer="hash") as other:
        sites = SITE.format(name="one", url=one.url) + SITE.format(name="other", url=other.url)
        (tmp_path / "sites.toml").write_text(sites)
        (tmp_path / "set.jsonl").write_text(lines)
        monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", str(tmp_path / "sites.toml"))
        monkeypatch.setenv("DMXAPI_API_KEY", KEY)
        (tmp_path / "prices.toml").write_text(PRICES)
        monkeypatch.setenv("RERANKQ_PRICES", str(tmp_path / "prices.toml"))
        details = tmp_path / "details.jsonl"
        asked = "compare", "one", "other:tiny", str(tmp_path / "set.jsonl")
        done = rerankq(*asked, "--json", "--details", str(details))
        assert done.returncode == 1
        assert "left out: documents: " in done.stderr
        assert "(line 3)" in done.stderr
        found = json.loads(done.stdout)
        assert found["answered_by_both"] == 2
        assert [each["model"] for each in found["sides"]] == ["qwen3-reranker-8b", "tiny"]
        assert [each["calls"] for each in found["sides"]] == [2, 2]
        tokens = found["sides"][1]["tokens"]
        assert [each["cost"] for each in found["sides"]] == [None, tokens / 1_000_000]
        assert found["quality"]["RR@10"]["first"]["value"] == 1
        written = {each["question"] for each in map(json.loads, details.read_text().splitlines())}
        assert written == {"one", "line 2"}
        assert "CANARY" not in details.read_text() + done.stdout + done.stderr

        shown = rerankq(*asked, "--limit", "2")
        assert shown.returncode == 0
        assert "2 questions, 2 answered by both sides" in shown.stdout
        assert "same in the top 1" in shown.stdout
        assert "nDCG@10" in shown.stdout


def test_a_question_that_is_refused_is_told(
    rerankq: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has no answer: its code is counted, its message said once, and the exit code is 1."""
    asked = [QUESTIONS[0], QUESTIONS[0] | {"query": "CANARY" * 200}]
    with RunningSandbox(keys=(KEY,), max_body_bytes=1024) as one:
        (tmp_path / "sites.toml").write_text(SITE.format(name="one", url=one.url))
        monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", str(tmp_path / "sites.toml"))
        monkeypatch.setenv("DMXAPI_API_KEY", KEY)
        (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, asked)))
        done = rerankq(
            *("compare", "one:a", "one:b", str(tmp_path / "set.jsonl"), "--concurrency", "1")
        )
    assert done.returncode == 1
    assert "2 questions, 1 answered by both sides" in done.stdout
    assert "1 upstream_too_large" in done.stdout
    assert "rerankq: one:b: 1 upstream_too_large: " in done.stderr
    assert "CANARY" not in done.stdout + done.stderr


def test_what_is_wrong_is_said_before_any_call(
    rerankq: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A target twice, an unknown one, and a set that is not there each have a line of their own."""
    (tmp_path / "sites.toml").write_text(SITE.format(name="one", url="http://127.0.0.1:1/"))
    monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", str(tmp_path / "sites.toml"))
    monkeypatch.setenv("DMXAPI_API_KEY", KEY)
    for asked, said in {
        ("one", "one", "none"): "one:qwen3-reranker-8b would be compared with itself",
        ("one", "one:b", "none"): "cannot read none: No such file or directory",
    }.items():
        done = rerankq("compare", *asked)
        assert done.returncode == 2
        assert done.stderr == f"rerankq: {said}\n"
