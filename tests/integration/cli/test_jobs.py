"""`rerankq jobs`: lists in any state, and the timeline of one job."""

import json
from collections.abc import Iterator

import pytest

from rerankq.contract import Lane
from running.command_line import CommandLine
from running.ledger_desk import LedgerDesk, job

HOSTILE = "a\x1b[2J\x9b1m\u202eb[red]"


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """A ledger with a job in several states."""
    with LedgerDesk(redis_url) as made:
        made.claimed("running")
        made.submit(job("queued", metadata={"team": "x"}), job("later", not_before=4e9))
        made.fail(made.claimed("bad"))
        made.submit(job("gone", custom_id=HOSTILE, lane=Lane.INTERACTIVE))
        made.cancel("gone")
        made.redis.delete("rerankq:workers")  # as if they were long gone
        yield made


LISTS: list[tuple[list[str], list[str]]] = [
    ([], ["running", "queued", "later", "gone", "bad"]),
    (["--state", "waiting"], ["queued", "later"]),
    (["--state", "failed", "--state", "running"], ["running", "bad"]),
    (["--since", "2h", "--state", "ended"], ["gone", "bad"]),
    (["--until", "2h"], []),
    (["--reason", "upstream_refused"], ["bad"]),
    (["--custom-id", HOSTILE], ["gone"]),
    (["--metadata", "team=x"], ["queued"]),
    (["--lane", "interactive"], ["gone"]),
    (["--limit", "1"], ["running", "queued", "gone"]),
]


@pytest.mark.usefixtures("desk")
def test_jobs_are_listed(rerankq: CommandLine) -> None:
    """Each option chooses; --json has an object a line, without it there is a table."""
    for arguments, ids in LISTS:
        done = rerankq("jobs", "list", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        found = [json.loads(line)["id"] for line in done.stdout.splitlines()]
        assert found == ids, arguments
        table = rerankq("jobs", "list", *arguments)
        assert [row.split()[0] for row in table.stdout.splitlines()[1:]] == ids


@pytest.mark.usefixtures("desk")
def test_a_list_goes_on_where_it_ended(rerankq: CommandLine) -> None:
    """A list that is cut says how to go on."""
    done = rerankq("jobs", "list", "--state", "ended", "--limit", "1")
    advice = done.stderr.strip().rpartition("add ")[2].split()
    more = rerankq("jobs", "list", "--state", "ended", *advice)
    assert [row.split()[0] for row in more.stdout.splitlines()[1:]] == ["bad"]
    for wrong in (["--since", "soon"], ["--metadata", "team"], ["--state", "x"], ["--after", "x"]):
        assert rerankq("jobs", "list", *wrong).returncode == 2


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_hostile_names_do_not_reach_the_terminal(rerankq: CommandLine, how: list[str]) -> None:
    """Names of users are shown without what could control a terminal, in both commands."""
    for command in (["jobs", "list"], ["jobs", "show", "gone"]):
        shown = rerankq(*command, *how).stdout
        assert "b[red]" in shown
        assert all(each.isprintable() or each == "\n" for each in shown)


@pytest.mark.usefixtures("desk")
def test_a_job_is_shown_with_its_timeline(rerankq: CommandLine) -> None:
    """`show` tells what happened and why a job waits; an unknown id is exit code 1."""
    shown = rerankq("jobs", "show", "bad")
    assert shown.returncode == 0
    assert "rerankq dead show bad" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("failed (upstream_refused)")
    waiting = rerankq.asked("jobs", "show", "queued")
    assert [each["code"] for each in waiting["waits"]] == ["no_worker"]
    assert "no worker" in rerankq("jobs", "show", "queued").stdout
    assert rerankq("jobs", "show", "never").returncode == 1
