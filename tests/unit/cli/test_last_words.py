import dataclasses
import gzip
import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from rerankq.cli.batch.closing import close
from rerankq.cli.batch.session import Outcome
from rerankq.cli.batch.summary import Summary
from rerankq.cli.failures import ExitCode, InputBroken, OutputClosed, OutputFailed
from rerankq.cli.input.files import Source
from rerankq.cli.rows.tally import Tally
from rerankq.errors import LedgerUnavailable, RerankqError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KEPT_UNTIL = datetime(2026, 12, 4, 17, 30)  # noqa: DTZ001  local, as it is shown


def outcome(
    tally: Tally,
    *,
    interrupted: bool = False,
    timed_out: bool = False,
    fault: RerankqError | None = None,
    abandoned: bool = False,
) -> Outcome:
    summary = Summary("batch-1", tally, seconds=2.0)
    return Outcome(
        summary,
        interrupted=interrupted,
        timed_out=timed_out,
        fault=fault,
        abandoned=abandoned,
        kept_until=KEPT_UNTIL.timestamp(),
    )


def closed(given: Outcome, *, json: bool = False, quiet: bool = False) -> ExitCode:
    return close("run", given, output="my out.jsonl", feed=None, quiet=quiet, json=json)


def test_all_done_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line counts jobs done, jobs failed, and jobs a second."""
    assert closed(outcome(Tally(succeeded=824))) is ExitCode.DONE
    assert capsys.readouterr().err == "run: 824 of 824 jobs done, 0 failed, 412 jobs/s\n"


def test_bad_lines_are_no_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    """Bad lines are told apart from jobs, and make the exit code 1."""
    assert closed(outcome(Tally(succeeded=1, failed=1, rejected=1))) is ExitCode.NO_RANKING
    assert "run: 1 of 2 jobs done, 1 failed, 1.0 jobs/s; 1 bad line\n" in capsys.readouterr().err


def test_the_summary_can_be_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, a script reads the counts and the batch's id from one object."""
    closed(outcome(Tally(succeeded=2, rejected=1)), json=True)
    assert json.loads(capsys.readouterr().err) == {
        "batch_id": "batch-1",
        "jobs": 2,
        "succeeded": 2,
        "failed": 0,
        "not_ended": 0,
        "bad_lines": 1,
        "seconds": 2.0,
        "jobs_per_second": 1.0,
    }


def test_an_interrupted_run_can_be_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    """After Ctrl-C, a timeout or a lost Redis, it says how to fetch the rest, and until when."""
    for given, code in (
        (outcome(Tally(), interrupted=True), ExitCode.INTERRUPTED),
        (outcome(Tally(), timed_out=True), ExitCode.NO_RANKING),
        (outcome(Tally(), fault=LedgerUnavailable("gone")), ExitCode.UNUSABLE),
    ):
        assert closed(given, quiet=True) is code
        said = capsys.readouterr().err
        assert re.search(r"kept until 2026-12-04 17:30[+-]\d\d:\d\d; fetch them with: ", said)
        assert "rerankq results batch-1 -o 'my out.jsonl'\n" in said


def test_an_output_that_failed_is_not_advised_again(capsys: pytest.CaptureFixture[str]) -> None:
    """After a full disk, the way to come back names another file."""
    closed(outcome(Tally(), fault=OutputFailed("cannot write my out.jsonl: no space")))
    said = capsys.readouterr().err
    assert "fetch them with: rerankq results batch-1 -o FILE, on a disk with free space\n" in said
    assert said.count("my out.jsonl") == 1


def test_an_abandoned_batch_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    """If all entries have rankings but lines may be missing, it says what to do; exit code 1."""
    given = dataclasses.replace(outcome(Tally(succeeded=2), abandoned=True), taken=2)
    assert closed(given) is ExitCode.NO_RANKING
    said = capsys.readouterr().err
    assert "this batch is abandoned" in said
    assert "It has 2 lines, not counting blank ones" in said
    assert "submit the rest with: tail -n +3 INPUT | rerankq run - -o rest.jsonl (and " in said


def test_a_batch_that_was_fed_in_part_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    """If not all lines were submitted, the first of these is named, with exit code 1."""
    given = dataclasses.replace(outcome(Tally(succeeded=120)), cut_at=121)
    assert closed(given) is ExitCode.NO_RANKING
    rest = (
        "tail -n +121 INPUT | rerankq run - -o rest.jsonl (and the other options of this command)"
    )
    assert f"line 121 on was submitted; submit the rest with: {rest}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pack", "start"),
    [
        (bytes, "tail -n +1 '{}'"),
        (gzip.compress, "gzip -dc '{}' | tail -n +1"),
        (zstd.compress, "zstd -dc '{}' | tail -n +1"),
    ],
    ids=["plain", "gzip", "zstd"],
)
def test_the_rest_of_a_file_is_run_by_a_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, pack: Callable[[bytes], bytes], start: str
) -> None:
    """A file is named in the command that submits its rest, and is unpacked there if need be."""
    path = tmp_path / "my in"
    path.write_bytes(pack(b'{"query": "q"}\n'))
    given = dataclasses.replace(outcome(Tally(), interrupted=True), cut_at=1)
    with Source.open(str(path)) as source:
        close("run", given, output="o", feed=None, quiet=False, json=False, source=source)
    said = capsys.readouterr().err
    assert f"with: {start.format(path)} | rerankq run - -o rest.jsonl (and " in said


def test_a_damaged_file_must_be_fetched_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that ends too early cannot be unpacked further, so the advice has no command."""
    given = dataclasses.replace(outcome(Tally(succeeded=3), fault=InputBroken("cut")), cut_at=4)
    assert closed(given) is ExitCode.UNUSABLE
    said = "line 4 on was submitted; get a complete copy of the input, then submit the rest with: "
    assert said in capsys.readouterr().err


def test_a_file_without_a_job_is_said_to_have_none(capsys: pytest.CaptureFixture[str]) -> None:
    """If all lines are bad, nothing is counted as done."""
    assert closed(outcome(Tally(rejected=2))) is ExitCode.NO_RANKING
    assert capsys.readouterr().err == "run: no line was a job; 2 bad lines\n"


def test_a_reader_that_has_gone_gets_no_advice(capsys: pytest.CaptureFixture[str]) -> None:
    """`rerankq results … | head` does not print how to come back: the user knows the batch."""
    given = outcome(Tally(), fault=OutputClosed("gone"))
    assert closed(given) is ExitCode.BROKEN_PIPE
    assert capsys.readouterr().err == ""
