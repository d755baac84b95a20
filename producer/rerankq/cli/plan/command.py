"""`rerankq plan`."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated

import typer

from rerankq.cli import options
from rerankq.cli.batch.feed import OnError
from rerankq.cli.failures import ExitCode
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.input.opening import open_input
from rerankq.cli.plan.figures import figures
from rerankq.cli.plan.pace import found_pace
from rerankq.cli.plan.report import Timing, report
from rerankq.cli.settings import ENV_FILE, load
from rerankq.cli.terminal import put_json, tell
from rerankq.client import RejectedLine
from rerankq.contract import Job
from rerankq.cost.duration import Pace
from rerankq.cost.pairs import PairTally
from rerankq.cost.plan import CallLimits, Plan, Planner
from rerankq.cost.prices import Prices
from rerankq.cost.sampling import SAMPLE, exact_count
from rerankq.settings import ClientSettings
from rerankq.variables import read_one


def plan(
    *,
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="As for `rerankq run`; - is stdin."),
    ],
    model: options.Model = None,
    lane: options.LaneOption = None,
    top_n: options.TopN = None,
    on_error: Annotated[
        OnError, typer.Option(help="After a bad line: go on with the next, or read no more.")
    ] = OnError.SKIP,
    exact: Annotated[
        bool, typer.Option("--exact", help="Count the tokens of all jobs, not of a sample.")
    ] = False,
    documents_per_call: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Most documents that the upstream takes in a call."),
    ] = None,
    tokens_per_call: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Most tokens that the upstream takes in a call."),
    ] = None,
    rpm: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests a minute that are allowed.")
    ] = None,
    tpm: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tokens a minute that are allowed.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Calls in flight that are allowed.")
    ] = None,
    seconds_per_call: Annotated[
        float | None, typer.Option(metavar="S", min=0.001, help="How long a call takes.")
    ] = None,
    quiet: options.Quiet = False,
    json: options.AsJson = False,
) -> None:
    """Show what a file of jobs will cost, before it is paid.

    Nothing is submitted. Prints jobs, pairs, duplicates, tokens, calls, cost and time, and how
    large the jobs are. The input is read as by `rerankq run`; a bad line is reported in the same
    words.

    Tokens are exact with the extra `tokens` for models whose tokenizer it has: all of up to 4,000
    jobs, and of a larger file a random sample, with the error that this leaves. Without it they are
    estimated.

    The cost needs a known price: see RERANKQ_PRICES. The time needs limits: those of the options,
    else those that workers have found and Redis knows. No Redis is needed.

    Exit code: 0 each line is a job, 1 some are not, 2 bad input or set-up.
    """
    settings = load()
    prices = Prices.load(settings.prices)
    defaults = Defaults(model=model or settings.model, lane=lane, top_n=top_n)
    with ExitStack() as exits:
        origin = exits.enter_context(open_input(source))
        pairs = exits.enter_context(PairTally())
        planner = Planner(
            CallLimits(documents_per_call, tokens_per_call),
            prices,
            pairs,
            counter_of=exact_count,
            sample=None if exact else SAMPLE,
        )
        for rejected in _read(origin, planner, defaults):
            if not quiet:
                tell(f"plan: {rejected.error.message}")
            if on_error is OnError.STOP:
                break
        made = planner.finish()
    timing = _timing(made, Pace(rpm, tpm, concurrency, seconds_per_call), settings)
    if json:
        put_json(figures(made, timing))
    else:
        reuses = read_one("RERANKQ_REUSE", env_file=ENV_FILE) not in {"", "off"}
        report(origin.name, made, timing, reuses=reuses)
    raise typer.Exit(ExitCode.NO_RANKING if made.bad_lines else ExitCode.DONE)


def _read(origin: JobInput, planner: Planner, defaults: Defaults) -> Iterator[RejectedLine]:
    """Add all jobs of the input to the plan; gives the lines that are none."""
    for _, (_, entry) in origin.entries(batch_id="plan", defaults=defaults):
        match entry:
            case RejectedLine():
                planner.plan.bad_lines += 1
                yield entry
            case Job():
                planner.add(entry)


def _timing(made: Plan, given: Pace, settings: ClientSettings) -> Timing:
    """How long it takes, by the options, and by what Redis knows where they say nothing."""
    by_limit = given.seconds(calls=made.calls, tokens=made.tokens)
    if given != Pace():
        return Timing(given, by_limit, found=False)
    found = found_pace(settings)
    if found is None:
        return Timing(given, {}, found=False)
    return Timing(found, found.seconds(calls=made.calls, tokens=made.tokens), found=True)
