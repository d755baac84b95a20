"""`rerankq plan`: what a file of jobs will cost, beside what running it costs."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rerankq.cost import qwen3
from running.command_line import CommandLine
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

WORDS = [
    "how",
    "do",
    "cats,",
    "dogs",
    "and",
    "12",
    "animals",
    "sleep?",
    "猫和狗在冬天怎么睡觉。",
    "Über",
]
PRICE = """
[[prices]]
model = "{model}"
currency = "CNY"
per_million_tokens = 0.28
as_of = 2026-12-01
source = "a test"
"""


def text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def questions(many: int) -> list[dict[str, Any]]:
    chance = random.Random(15)  # noqa: S311  makes test data
    found = []
    for _ in range(many):
        documents = [text(chance, chance.randint(3, 40)) for _ in range(chance.randint(1, 12))]
        found.append({"query": text(chance, 6), "documents": [*documents, documents[0]]})
    return found


def written(path: Path, lines: list[Any]) -> str:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path)


def test_its_tokens_are_those_that_are_sent(
    rerankq: CommandLine, redis_url: str, tmp_path: Path
) -> None:
    """Its estimate is what the upstream then counts by the same rule; exact counts are exact.

    The time follows from the limit that the worker has made known.
    """
    given = questions(40)
    path = written(tmp_path / "in.jsonl", given)
    found = rerankq.asked("plan", path)
    (share,) = found["models"].values()
    with RunningSandbox() as sandbox:
        sandbox.limit(tpm=10**9, window_seconds=600)
        with RunningWorker(redis_url, sandbox.url, tmp_path, rpm=6000):
            done = rerankq("run", path, "-o", str(tmp_path / "out.jsonl"), "-q")
            assert done.returncode == 0, done.stderr
            known = rerankq.asked("plan", path)
        (account,) = sandbox.stats()["accounts"].values()
    sent = account["window"]["peak_tokens"]
    assert sent > 10_000
    assert abs(share["estimated_tokens"] - sent) / sent < 0.01
    assert (found["jobs"], found["repeated_in_job"], found["tokens_error"]) == (40, 40, 0)
    exact = 0
    for each in given:
        asked, *documents = qwen3.count([each["query"], *dict.fromkeys(each["documents"])])
        exact += asked * len(documents) + sum(documents)
    assert found["tokens"] == exact
    assert known["limits_found_by_workers"] is True
    assert known["seconds_by_limit"]["rpm"] == pytest.approx(40 / 100)


def test_it_needs_no_redis_and_says_what_is_unknown(
    rerankq: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without Redis and prices the plan is whole; cost and time are unknown, and say what to do."""
    monkeypatch.setenv("RERANKQ_REDIS_URL", "redis://127.0.0.1:1/0")
    path = written(tmp_path / "in.jsonl", questions(3))
    done = rerankq("plan", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "unknown: no table has a price for qwen3-reranker-8b; name it in RERANKQ_PRICES" in (
        done.stdout
    )
    assert "unknown: give --rpm, --tpm, or --concurrency with --seconds-per-call" in done.stdout
    assert "█" in done.stdout


def test_cost_and_time_come_from_prices_and_limits(
    rerankq: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The user's price, a limit and a split make cost, time and calls; models are told apart."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICE.format(model="mine"))
    monkeypatch.setenv("RERANKQ_PRICES", str(prices))
    given = questions(10)
    lines = [*given, given[0] | {"model": "other"}, given[0]]
    path = written(tmp_path / "in.jsonl", lines)
    asked = "plan", path, "--model", "mine", "--documents-per-call", "1", "--rpm", "6"
    found = rerankq.asked(*asked)
    mine, other = found["models"]["mine"], found["models"]["other"]
    assert mine["cost"].startswith(f"{mine['tokens'] * 0.28 / 1e6:.6f}")
    assert (mine["currency"], other["cost"]) == ("CNY", None)
    assert found["calls"] == found["pairs"]
    assert found["repeated_pairs"] == len(given[0]["documents"]) - 1
    assert 0 < found["reusable_tokens"] < found["tokens"]
    assert found["seconds"] == found["calls"] * 10
    shown = rerankq(*asked).stdout
    assert "cost of other" in shown
    assert "reuse of scores would save about" in shown
    monkeypatch.setenv("RERANKQ_REUSE", "7d")
    assert "reuse of scores saves about" in rerankq(*asked).stdout
    assert "0.00 CNY (0.28 a million tokens, 2026-12-01)" in shown
    assert "at 6 requests a minute, as given" in shown


@pytest.mark.usefixtures("worker")
def test_a_bad_line_is_named_as_run_names_it(rerankq: CommandLine, tmp_path: Path) -> None:
    """Bad lines are counted and told in the words of `run`, without their text."""
    path = written(tmp_path / "in.jsonl", [*questions(1), {"query": "secret"}, *questions(1)])
    planned, ran = rerankq("plan", path), rerankq("run", path)
    assert planned.returncode == 1
    assert planned.stderr == "plan: line 2: documents: is required\n"
    assert "run: line 2: documents: is required\n" in ran.stderr
    assert "secret" not in planned.stdout
    assert rerankq.asked("plan", path, "--on-error", "stop")["jobs"] == 1
