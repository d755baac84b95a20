"""`--tenant`: whose jobs a command sees and makes, in place of RERANKQ_TENANT."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any, Final

import typer
import typer.main

_VARIABLE: Final = "RERANKQ_TENANT"


def add_tenant(command: Any) -> None:
    """Give a command, or each of a group's, the option `--tenant`."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    for each in below.values():
        add_tenant(each)
    if not below:
        single = typer.Typer(add_completion=False)
        single.command()(_of_no_use)
        command.params.append(typer.main.get_command(single).params[0])
        command.callback = _acting(command.callback)


def _of_no_use(
    tenant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Act as this tenant; in place of {_VARIABLE}."),
    ] = None,
) -> None:
    """Only its option is used."""


def _acting(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def called(*, tenant: str | None, **given: Any) -> Any:
        with _set(tenant):
            return callback(**given)

    return called


@contextmanager
def _set(tenant: str | None) -> Iterator[None]:
    """Set the variable, which the settings read, while the command runs."""
    if tenant is None:
        yield
        return
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = tenant
    try:
        yield
    finally:
        del os.environ[_VARIABLE]
        if before is not None:
            os.environ[_VARIABLE] = before
