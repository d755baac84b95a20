"""`--budget` of `rerankq run` and of tenants, and `rerankq batch budget`."""

import json
import re
from pathlib import Path

import pytest

from rerankq import RerankClient
from rerankq.errors import BudgetExceeded
from running.command_line import CommandLine

LINE = {"query": "a query", "documents": ["first", "second"]}
COST = 6
"""Estimated tokens of a line."""


def written(path: Path, lines: int) -> str:
    path.write_text(f"{json.dumps(LINE)}\n" * lines)
    return str(path)


@pytest.mark.usefixtures("held_worker")
def test_what_does_not_fit_into_the_budget_waits(rerankq: CommandLine, tmp_path: Path) -> None:
    """The run says why it waits; the batch tells its budget and that it waits for it."""
    path = written(tmp_path / "in.jsonl", 3)
    done = rerankq("run", path, "--budget", str(2 * COST), "--timeout", "0.3")
    assert done.returncode == 1
    batch = re.findall(r"batch-[0-9a-f-]+", done.stderr)[0]
    assert "nothing from line 3 on was submitted" in done.stderr
    shown = rerankq("batch", "status", batch).stdout
    assert "0 spent, 12 reserved, of 12 tokens" in shown
    status = rerankq.asked("batch", "status", batch)
    assert status["budget"] == {
        "unit": "tokens",
        "limit": 12,
        "reserved": 12,
        "spent": 0,
        "exhausted": True,
    }
    assert rerankq("batch", "budget", batch, "5000").stdout == "budget: 5000\n"
    assert rerankq("batch", "budget", batch, "1 USD").returncode == 2
    assert rerankq("batch", "budget", "batch-none", "1").returncode == 1
    assert rerankq("batch", "cancel", batch).returncode == 0
    assert rerankq.asked("batch", "status", batch)["budget"]["reserved"] == 0


def test_a_wrong_budget_is_refused_before_any_job(rerankq: CommandLine, tmp_path: Path) -> None:
    """Neither a wrong form nor a currency without prices opens a batch."""
    path = written(tmp_path / "in.jsonl", 1)
    for budget, said in {
        "much": "budget: ",
        "1 CHF": "budget: is in CHF, in which no model has a price by the token",
    }.items():
        done = rerankq("run", path, "--budget", budget)
        assert done.returncode == 2
        assert said in done.stderr
    assert "batch-" not in rerankq("batch", "list").stdout


def test_a_tenant_submits_within_its_budget(rerankq: CommandLine, redis_url: str) -> None:
    """Beyond it a job is refused; what is set, reserved and spent is shown; none lifts it."""
    assert rerankq("tenant", "set", "acme", "--budget", str(COST)).returncode == 0
    with RerankClient(redis_url) as client:
        acme = client.for_tenant("acme")
        acme.submit(query="a query", documents=["first", "second"])
        with pytest.raises(BudgetExceeded, match="tenant acme has no budget left for the next job"):
            acme.submit(query="a query", documents=["first", "second"])
        assert "0 spent, 6 reserved, of 6 tokens" in rerankq("tenant", "show", "acme").stdout
        # What is not given stays as it is.
        assert rerankq("tenant", "set", "acme", "--queued", "9").returncode == 0
        shown = rerankq.asked("tenant", "show", "acme")
        assert (shown["budget"], shown["use"]["budget"]["reserved"]) == ("6", 6)
        assert rerankq("tenant", "set", "acme", "--budget", "none").returncode == 0
        acme.submit(query="a query", documents=["first", "second"])
