"""Arguments as text: the name of a file may be any bytes, all other arguments must be UTF-8.

Python turns other bytes into lone surrogates, which neither Redis nor a socket accepts.
"""

from collections.abc import Mapping
from typing import Any, Final

import typer

FILES: Final = frozenset({"FILE", "INPUT"})
"""The placeholder, in the help, of parameters that name a file."""


def demand_text(command: Any) -> None:
    """Make a command, and its subcommands, refuse an argument that is no text, or an empty id."""
    for parameter in command.params:
        if parameter.metavar not in FILES and parameter.callback is None:
            parameter.callback = _text
    below: Mapping[str, Any] = getattr(command, "commands", {})
    for each in below.values():
        demand_text(each)


def _text(_: Any, parameter: Any, value: Any) -> Any:
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, str) and not each.isascii():
            try:
                each.encode()
            except UnicodeEncodeError:
                raise typer.BadParameter("it is not valid UTF-8") from None
        if each == "" and parameter.param_type_name == "argument":
            raise typer.BadParameter("it is empty")
    return value
