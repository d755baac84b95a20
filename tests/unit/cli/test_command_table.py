import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerankq.cli.argument_text import FILES
from rerankq.cli.commands import COMMANDS, Command, loaded
from rerankq.cli.failures import ExitCode
from rerankq.cli.main import run
from rerankq.cli.settings import CommandSettings
from rerankq.errors import MissingExtra
from rerankq.variables import OTHER_NAMES
from rerankq_worker.settings import WorkerSettings


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_row_of_the_help_has_its_command(row: Command) -> None:
    """Each command exists under its name, and its help says what the table says."""
    command = loaded(row)
    assert (command.name or row.name) == row.name
    if row.target:
        assert inspect.cleandoc(command.help).splitlines()[0] == row.summary


def test_the_help_imports_nothing_slow() -> None:
    """`rerankq --help` and `rerankq schema` are quick: no Celery, no redis, no HTTP client."""
    code = (
        "import sys, contextlib, io\n"
        "from rerankq.cli.main import run\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    assert run(['--help']) == run(['schema']) == 0\n"
        "print([m for m in ('celery', 'kombu', 'redis', 'httpx', 'aiohttp', 'flower')"
        " if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose extra is not installed says which one to install."""
    monkeypatch.delitem(sys.modules, "rerankq_worker.commands.worker", raising=False)
    monkeypatch.setitem(sys.modules, "typer", None)
    row = next(each for each in COMMANDS if each.name == "worker")
    with pytest.raises(MissingExtra, match=re.escape('pip install ".[worker]"')):
        loaded(row)


def test_an_import_error_of_rerankq_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a module of rerankq itself cannot be imported, no message says to install an extra."""
    monkeypatch.delitem(sys.modules, "rerankq_worker.commands.worker", raising=False)
    monkeypatch.setitem(sys.modules, "rerankq_worker.process.supervisor", None)
    row = next(each for each in COMMANDS if each.name == "worker")
    with pytest.raises(ModuleNotFoundError):
        loaded(row)


def test_every_setting_is_known_to_every_command() -> None:
    """A setting that only one part reads is not reported as misspelt by another part."""
    known = {*CommandSettings.names(), *OTHER_NAMES}
    assert {name for name in WorkerSettings.names() if name.startswith("RERANKQ_")} <= known


NO_TEXT = "\udcff"


def refusals(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Calls of a command, and of those below it, each with one argument that is no UTF-8."""
    for each in command.params:
        names_file = each.metavar in FILES or each.type_descriptor.annotation is Path
        if not names_file and not getattr(each, "is_flag", False):
            named = (each.opts[0],) if each.param_type_name == "option" else ()
            yield (*path, *named, NO_TEXT)
    for name, below in getattr(command, "commands", {}).items():
        yield from refusals(below, (*path, name))


@pytest.mark.parametrize(
    "arguments",
    [call for row in COMMANDS for call in refusals(loaded(row), (row.name,))],
    ids=lambda call: ascii(" ".join(call)),
)
def test_an_argument_that_is_no_text_is_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes that are no UTF-8 end in one line that names the argument, in every command."""
    assert run(arguments) == ExitCode.UNUSABLE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("rerankq: invalid value for ")


@pytest.mark.parametrize("command", ["status", "result", "cancel", "results", "dead show"])
def test_an_empty_id_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty id, as from an unset variable of a script, is bad input, not an unknown id."""
    assert run([*command.split(), ""]) == ExitCode.UNUSABLE
    assert "it is empty" in capsys.readouterr().err
