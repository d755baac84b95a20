import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rerankq import errors
from rerankq.cli import entry, main
from rerankq.cli.failures import CommandError, ExitCode, OutputClosed

Raising = Callable[[BaseException], None]


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Raising:
    """Lets the command line raise an error instead of running a command."""

    def have_it_raise(error: BaseException) -> None:
        class Broken:
            def main(self, *_: object, **__: object) -> None:
                raise error

        monkeypatch.setattr(main, "build", Broken)
        monkeypatch.setattr(main, "silence_stdout", lambda: None)
        monkeypatch.delenv("RERANKQ_DEBUG", raising=False)

    return have_it_raise


def test_an_interruption_of_the_start_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the command line is being imported gives only the exit code."""

    class Interrupted:
        def find_spec(self, name: str, *_: object) -> None:
            if name == main.__name__:
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, main.__name__)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == ExitCode.INTERRUPTED.value


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.SettingsError("wrong"), ExitCode.UNUSABLE, "rerankq: wrong\n"),
        (CommandError("two\nlines"), ExitCode.UNUSABLE, "rerankq: two lines\n"),
        (errors.JobNotFound("no job"), ExitCode.NO_RANKING, "rerankq: no job\n"),
        (errors.JobFailed("why", "it failed"), ExitCode.NO_RANKING, "rerankq: it failed\n"),
        (errors.ResultTimeout("not yet"), ExitCode.NO_RANKING, "rerankq: not yet\n"),
        (
            *(OSError(28, "No space left"), ExitCode.UNUSABLE),
            "rerankq: cannot write stdout: No space left\n",
        ),
        (OSError(11, "No child"), ExitCode.UNUSABLE, "rerankq: No child\n"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "rerankq: interrupted\n"),
        (BrokenPipeError(), ExitCode.BROKEN_PIPE, ""),
        (OutputClosed("gone"), ExitCode.BROKEN_PIPE, ""),
    ],
)
def test_every_error_is_one_line_and_a_code(
    raising: Raising,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: ExitCode,
    said: str,
) -> None:
    """No error shows a traceback; a closed output causes no message."""
    raising(error)
    assert main.run([]) == code
    assert capsys.readouterr().err == said


def test_an_unforeseen_error_shows_its_type_alone(
    raising: Raising, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text of an unforeseen error is not shown, because it may contain a document or a key."""
    raising(ValueError("sk-secret"))
    assert main.run([]) == ExitCode.UNFORESEEN
    said = "rerankq: unforeseen ValueError: set RERANKQ_DEBUG=1 to see where\n"
    assert capsys.readouterr().err == said


def test_the_traceback_is_shown_on_demand(
    raising: Raising, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With RERANKQ_DEBUG the traceback is shown."""
    raising(ValueError())
    monkeypatch.setenv("RERANKQ_DEBUG", "1")
    main.run([])
    assert "test_error_boundary.py" in capsys.readouterr().err


def test_debug_can_be_set_in_the_env_file(
    raising: Raising,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """RERANKQ_DEBUG is also read from `.env`; an unreadable `.env` hides no error."""
    raising(ValueError())
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("RERANKQ_DEBUG=1\n", "utf-8")
    main.run([])
    assert "test_error_boundary.py" in capsys.readouterr().err
    Path(".env").write_bytes(b"\xff=\xff")
    assert main.run([]) == ExitCode.UNFORESEEN
    assert "unforeseen ValueError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wrker"], "rerankq: no such command 'wrker'. Did you mean 'worker'?"),
        (["schema", "--nope"], "rerankq: no such option: --nope (see rerankq schema --help)"),
        (
            ["submit", "--lane", "fast"],
            "rerankq: invalid value for '--lane': 'fast' is not one of 'interactive', 'bulk'",
        ),
        (
            ["run", "x", "--timeout", "-1"],
            "rerankq: invalid value for '--timeout': must be 0 or more (see rerankq run --help)",
        ),
        (
            ["run", "x", "--top-n", "1.5"],
            "rerankq: invalid value for '--top-n': must be a whole number (see",
        ),
        (
            ["dead", "list", "--since", "yesterday"],
            "rerankq: invalid value for '--since': must be a time such as 2026-12-04",
        ),
        (["sandbox", "--fail-rate", "2"], "rerankq: --fail-rate: must be 1 or less"),
        (["result"], "rerankq: missing argument 'ID' (see rerankq result --help)"),
        (["schema", "nope"], "rerankq: no message has this name: there are RerankRequest, Job"),
    ],
)
def test_misuse_says_what_to_do(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong word on the command line is one line that points to the help."""
    assert main.run(arguments) == ExitCode.UNUSABLE
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == 1


def test_a_closed_output_causes_no_message() -> None:
    """`rerankq schema | true` says nothing on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rerankq.cli", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    with process, process.stderr as stderr:
        assert stderr.read() == b""
