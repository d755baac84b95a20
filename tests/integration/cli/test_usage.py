"""`rerankq usage`: a table for people, and files for programs."""

import csv
import importlib
import io
import json
from pathlib import Path

import pytest

from rerankq.contract import JobState
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Postponement
from rerankq.ledger.usage import CallUsage, Usage
from running.command_line import CommandLine
from running.ledger_desk import LedgerDesk, ranking

CALL = Usage(jobs=1, calls=1, pairs=2, reported_tokens=4000)
COUNTS = "jobs,calls,retries,uncertain_calls,pairs,tokens,reported_tokens"


@pytest.fixture(autouse=True)
def used(redis_url: str) -> None:
    """Two tenants have had a call each; of another one nobody knows whether it was made."""
    with LedgerDesk(redis_url) as desk:
        for name, model in (("a", "m"), ("b", "=cmd()\x1b")):
            lease = desk.claimed(name, tenant=name)
            told = outcomes.success(ranking(name).encode())
            usage = (CallUsage("site", "k", model, CALL),)
            desk.run(
                desk.leases().finish([Finish(lease, 1, JobState.SUCCEEDED, told, usage=usage)])
            )
        lease = desk.claimed("c", tenant="a")
        desk.run(desk.leases().postpone([Postponement(lease, 0, 60.0, in_doubt=True)]))


def test_a_table_has_bounds_and_a_total(rerankq: CommandLine) -> None:
    """Uncertain calls are shown as a range; the last row is the sum."""
    done = rerankq("usage", "--by", "tenant")
    head, a, b, total = (line.split() for line in done.stdout.splitlines())
    assert head[:3] == ["tenant", "jobs", "calls"]
    assert a[:5] == ["a", "1", "1", "to", "2"]
    assert b[:3] == ["b", "1", "1"]
    assert total[:5] == ["total", "2", "2", "to", "3"]
    assert "8,000" in total
    assert rerankq("usage", "--tenant", "b").stdout.count("4,000") == 1


def test_days_without_calls_have_no_rows(rerankq: CommandLine) -> None:
    """Where nothing was counted, a sentence says so."""
    done = rerankq("usage", "--from", "2020-01-01", "--to", "2020-01-02")
    assert done.stdout == "no call was counted from 2020-01-01 to 2020-01-02\n"


def test_json_is_the_report(rerankq: CommandLine) -> None:
    """`--format json` prints what the client gives."""
    told = json.loads(rerankq("usage", "--by", "tenant", "--format", "json").stdout)
    assert [row["tenant"] for row in told["rows"]] == ["a", "b"]
    assert (told["by"], told["total"]["uncertain_calls"]) == (["tenant"], 1)


def test_csv_has_a_column_for_each_field(rerankq: CommandLine, tmp_path: Path) -> None:
    """A row a line; what a spreadsheet or a terminal would run as a command is made harmless."""
    done = rerankq("usage", "--by", "model", "--format", "csv", "--tenant", "b")
    assert done.stdout.splitlines()[0].startswith(f"model,{COUNTS}")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert (row["model"], row["tokens"]) == ("'=cmd() ", "4000")
    target = tmp_path / "usage.csv"
    assert rerankq("usage", "--format", "csv", "-o", str(target)).stdout == ""
    assert target.read_text("utf-8").splitlines()[0].startswith("day,jobs")


def test_parquet_has_types(rerankq: CommandLine, tmp_path: Path) -> None:
    """Counts are integers, costs are numbers, and names are text."""
    target = tmp_path / "usage.parquet"
    assert rerankq("usage", "--by", "tenant", "--format", "parquet", "-o", str(target)).stdout == ""
    table = importlib.import_module("pyarrow.parquet").read_table(target)
    assert table.column("tenant").to_pylist() == ["a", "b"]
    assert table.column("calls").to_pylist() == [1, 1]
    assert str(table.schema.field("tokens").type) == "int64"


def test_costs_have_a_bound_too(
    rerankq: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a price is known there is a cost; also if all uncertain calls were charged."""
    prices = tmp_path / "prices.toml"
    lines = ('model = "m"', 'currency = "CNY"', "per_million_tokens = 0.5")
    prices.write_text("\n".join(("[[prices]]", *lines, "as_of = 2026-12-01", 'source = "s"')))
    monkeypatch.setenv("RERANKQ_PRICES", str(prices))
    told = json.loads(rerankq("usage", "--by", "model", "--format", "json").stdout)
    costs = {row["model"]: (row["costs"], row["unpriced_tokens"]) for row in told["rows"]}
    assert costs["m"] == ({"CNY": 0.002}, 0)
    assert costs["=cmd()\x1b"] == ({}, 4000)
    assert told["total"]["costs_at_most"] == {"CNY": 0.002}
    *_, total = rerankq("usage", "--by", "model").stdout.splitlines()
    assert total.endswith("0.0020 CNY + ?")
    (head, *_) = rerankq("usage", "--format", "csv").stdout.splitlines()
    assert head.endswith("unpriced_tokens,cost_CNY,cost_at_most_CNY")


def test_what_cannot_be_done_is_said(rerankq: CommandLine, tmp_path: Path) -> None:
    """A wrong part, a table for a file, and a folder that does not exist are refused."""
    for arguments, said in (
        (("--by", "hour"), "by: must be some of day, tenant"),
        (("--output", "x"), "a table goes to stdout"),
        (("--format", "csv", "--output", str(tmp_path / "none" / "x")), "cannot be written"),
    ):
        done = rerankq("usage", *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
