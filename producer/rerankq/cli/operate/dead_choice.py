"""The options by which the commands of `rerankq dead` choose dead letters."""

import inspect
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, Final

import typer

from rerankq.cli.failures import CommandError
from rerankq.client import AsyncRerankClient
from rerankq.ledger.dead import Wanted

# Local times, as users type them. No job failed before the first, and none will after the last.
_FIRST: Final = datetime(1970, 1, 2)  # noqa: DTZ001
_LAST: Final = datetime(9998, 12, 31)  # noqa: DTZ001

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of dead letters.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


def filters(
    *,
    reason: Annotated[
        str | None, typer.Option(help="Only those that failed for it, such as upstream_refused.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only those for this model.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of this batch.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only those that failed then or later (local time).")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Only those that failed before.")] = None,
) -> Wanted:
    """Which dead letters these options choose: all, when none is given."""
    return Wanted(
        reason=reason,
        model=model,
        batch_id=batch,
        since=_timestamp(since),
        until=_timestamp(until),
    )


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """A command that has the options of `filters` in the place of its argument `wanted`."""
    options, own = inspect.signature(filters).parameters, inspect.signature(command)

    @wraps(command)
    def filtered(**given: Any) -> None:
        wanted = filters(**{name: given.pop(name) for name in options})
        command(wanted=wanted, **given)

    parameters: list[inspect.Parameter] = []
    for each in own.parameters.values():
        parameters += options.values() if each.name == "wanted" else [each]
    # Typer makes the command's options from it.
    told: Any = filtered
    told.__signature__ = own.replace(parameters=parameters)
    return filtered


class Choice:
    """The dead letters that a command is about: named ones, or those that match its filters.

    Raises:
        CommandError: neither ids nor filters are given, or both.
    """

    def __init__(self, ids: Sequence[str] | None, wanted: Wanted, *, every: bool) -> None:
        if not ids and wanted == Wanted() and not every:
            raise CommandError("name dead letters, give a filter, or use --all")
        if ids and (every or wanted != Wanted()):
            raise CommandError("give either ids or filters, not both")
        self._ids = ids
        self._wanted = wanted

    @property
    def shown(self) -> str:
        """The choice in short, for the audit trail."""
        if self._ids:
            return " ".join(self._ids)
        given = {
            "reason": self._wanted.reason,
            "model": self._wanted.model,
            "batch": self._wanted.batch_id,
            "since": self._wanted.since,
            "until": self._wanted.until,
        }
        chosen = [f"{name}={value}" for name, value in given.items() if value is not None]
        return " ".join(chosen) or "all"

    async def ids(self, client: AsyncRerankClient) -> list[str]:
        """Their ids.

        Raises:
            JobNotFound: one of the ids is not a dead letter's.
        """
        if self._ids:
            return await client.operations.dead.named(self._ids)
        return await client.operations.dead.ids(self._wanted)


def _timestamp(time: datetime | None) -> float | None:
    """Unix seconds, of the nearest time that can be converted to them."""
    return None if time is None else min(max(time, _FIRST), _LAST).timestamp()
