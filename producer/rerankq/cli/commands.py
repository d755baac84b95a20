"""The table of commands. Each is imported only when called, so `rerankq --help` is quick.

Commands of other packages come by entry point: this package may not import those.
"""

import functools
import importlib
import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from rerankq.cli.argument_text import demand_text
from rerankq.cli.tenant_option import add_tenant
from rerankq.errors import MissingExtra
from rerankq.extras import install

ENTRY_POINTS: Final = "rerankq.commands"
_OWN_PACKAGES: Final = frozenset(
    {"rerankq", "rerankq_worker", "rerankq_gateway", "rerankq_sandbox"}
)
JOBS: Final = "Jobs"
SERVICES: Final = "Services"
MORE: Final = "More"


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the help, and its code: `module:function`, or an extra's entry point.

    One that `for_tenants` knows whose jobs it sees and makes: it has the option `--tenant`.
    """

    name: str
    panel: str
    summary: str
    target: str = ""
    extra: str = ""
    for_tenants: bool = False


def _of_jobs(name: str, summary: str, target: str) -> Command:
    return Command(name, JOBS, summary, target, for_tenants=True)


COMMANDS: Final = (
    _of_jobs("run", "Run a file of jobs and write their rankings, in order.", "batch.run:run"),
    Command(
        "plan", JOBS, "Show what a file of jobs will cost, before it is paid.", "plan.command:plan"
    ),
    _of_jobs("results", "Write the rankings of a batch that was run before.", "batch.run:results"),
    _of_jobs("batch", "Watch batches; pause, resume, cancel or retry them.", "batch.group:app"),
    _of_jobs("jobs", "List jobs in any state; show what happened to one.", "job.group:app"),
    _of_jobs("submit", "Submit one job and print its id.", "job.submit:submit"),
    _of_jobs("status", "Show the status of a job.", "job.jobs:status"),
    _of_jobs("result", "Print a job's ranking, waiting for it.", "job.jobs:result"),
    _of_jobs("cancel", "Cancel a job that has not ended.", "job.jobs:cancel"),
    _of_jobs("usage", "Show what calls have used.", "operate.usage:usage"),
    Command("dead", JOBS, "Look at failed jobs, replay or purge them.", "operate.dead:app"),
    Command(
        "upstream", SERVICES, "Look at the upstream's limits; pause it.", "operate.upstream:app"
    ),
    Command(
        "webhook", SERVICES, "Make and remove webhooks; see their calls.", "operate.webhooks:app"
    ),
    Command(
        "token", SERVICES, "Make, list and revoke tokens of the gateway.", "operate.tokens:app"
    ),
    Command(
        "tenant",
        SERVICES,
        "Set the quotas and weights of tenants.",
        "operate.tenants:app",
    ),
    Command("audit", SERVICES, "Show what operators did.", "operate.audit:audit"),
    Command("up", SERVICES, "Run the whole service on this machine.", "up.command:up"),
    Command("worker", SERVICES, "Serve the lanes, in the foreground.", extra="worker"),
    Command("gateway", SERVICES, "Serve jobs over HTTP.", extra="gateway"),
    Command("flower", SERVICES, "Watch workers and jobs in a browser.", "operate.flower:flower"),
    Command("sandbox", SERVICES, "Run a stand-in for the upstream, to try out.", extra="sandbox"),
    Command(
        "doctor",
        MORE,
        "Find out what is set up wrong, and what to do.",
        "operate.doctor:doctor",
    ),
    Command(
        "compare",
        MORE,
        "Compare two models or sites on the same questions.",
        extra="worker",
    ),
    Command("demo", MORE, "See it all work, without any set-up.", "demo.command:demo"),
    Command("schema", MORE, "Print the JSON Schemas of the messages.", "operate.schema:schema"),
)


class CommandTable(TyperGroup):
    """A group that knows only the names and summaries of its commands until one is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for row in COMMANDS:
            self.add_command(
                TyperCommand(row.name, help=row.summary, rich_help_panel=row.panel, callback=None)
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command called, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        row = next((each for each in COMMANDS if each.name == name), None)
        return name, loaded(row) if row else command, rest


def build() -> Any:
    """The command line, ready to run."""
    app = typer.Typer(
        cls=CommandTable,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Exit codes: 0 all well · 1 a job has no ranking · 2 bad input or set-up · "
        "70 a fault in rerankq · 130 interrupted · 141 nobody reads the output any more.",
    )
    app.callback()(_root)
    return typer.main.get_command(app)


def loaded(row: Command) -> Any:
    """The command of a row of the table.

    Raises:
        MissingExtra: it belongs to an extra that is not installed.
    """
    command = _command(row)
    if row.for_tenants:
        add_tenant(command)
    demand_text(command)
    return command


def _command(row: Command) -> Any:
    code = _code(row)
    if isinstance(code, typer.Typer):
        return typer.main.get_command(code)
    single = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        # Markdown joins the lines of a paragraph; plain and rich markup do not.
        rich_markup_mode="markdown",
    )
    single.command(row.name, context_settings={"help_option_names": ["-h", "--help"]})(code)
    return typer.main.get_command(single)


def _code(row: Command) -> Callable[..., Any]:
    if not row.extra:
        module, _, function = row.target.partition(":")
        code: Callable[..., Any] = getattr(
            importlib.import_module(f"rerankq.cli.{module}"), function
        )
        return code
    with _extra_named(row):
        point = importlib.metadata.entry_points(group=ENTRY_POINTS)[row.name]
        command: Callable[..., Any] = point.load()

    @functools.wraps(command)
    def called(*arguments: Any, **options: Any) -> Any:
        # Also here, because a command does slow imports only when it is called.
        with _extra_named(row):
            return command(*arguments, **options)

    return called


@contextmanager
def _extra_named(row: Command) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] in _OWN_PACKAGES:
            raise  # a part of this distribution is not an extra
        raise MissingExtra(
            f"`rerankq {row.name}` needs an extra that is not installed: {install(row.extra)}"
        ) from None


def _show_version(wanted: bool) -> None:  # noqa: FBT001  typer hands the flag's value in
    if wanted:
        typer.echo(f"rerankq {importlib.metadata.version('rerankq')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Asynchronous reranking: submit jobs, get each ranking once, lose none."""
