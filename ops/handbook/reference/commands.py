"""The command line, as `--help` tells of it."""

from collections.abc import Iterator
from typing import Any

from handbook import markdown
from handbook.place import Language
from rerankq.cli.commands import COMMANDS, loaded


def made(language: Language) -> str:  # noqa: ARG001  help is in English
    """A section for each command, and one within it for each command of a group."""
    parts = [
        part for row in COMMANDS for part in _command(loaded(row), f"rerankq {row.name}", level=2)
    ]
    return "\n".join(parts)


def _command(command: Any, path: str, *, level: int) -> Iterator[str]:
    # Parsing goes on past missing arguments: only the help is wanted.
    context = command.make_context(path, [], resilient_parsing=True)
    yield f"{'#' * level} `{path}`\n"
    if command.help:
        yield f"{_text(command.help)}\n"
    members: dict[str, Any] = getattr(command, "commands", {})
    if members:
        for name, member in members.items():
            yield from _command(member, f"{path} {name}", level=level + 1)
        return
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"```text\n{' '.join(usage.split())}\n```\n"
    records = [each.get_help_record(context) for each in command.get_params(context)]
    rows = [(markdown.code(names), _text(told)) for names, told in filter(None, records)]
    yield markdown.table(("Argument or option", "What it does"), rows)


def _text(told: str) -> str:
    """Help as Markdown: what is between angle brackets is no HTML."""
    return told.replace("<", "\\<").replace("[", "\\[").strip()
