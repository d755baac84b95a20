"""`rerankq demo`: the steps, in order."""

import asyncio
import importlib.resources
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from rerankq.cli.batch.command import Manner, run_batch
from rerankq.cli.batch.session import Outcome
from rerankq.cli.demo.showing import Report, read_report, show_rankings
from rerankq.cli.failures import ExitCode
from rerankq.cli.input.files import Sink, Source
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.settings import load
from rerankq.cli.stack.parts import Stack
from rerankq.cli.stack.serving import sample_call, sample_submission, watch
from rerankq.cli.stack.signals import ended_by_signals
from rerankq.cli.terminal import put

_PACE: Final = (
    "demo: the sandbox set this pace, by scoring a few hundred documents a second by meaning; "
    "`rerankq sandbox` alone scores by shared characters, thousands of jobs a second"
)


def demo(
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="FILE", help="Run this file of jobs in place of the sample."
        ),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave everything up afterwards, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(help="Port of Flower; a free one when absent.", min=1, max=65_535),
    ] = None,
) -> None:
    """See it all work, without any set-up.

    Starts what is missing: a Redis if RERANKQ_REDIS_URL is not set, the sandbox if DMXAPI_API_KEY
    is not set, then a worker and Flower; with --serve also the gateway. Runs 200 sample jobs, shows
    some rankings, and stops what it started. `rerankq up` starts the same for your own jobs.

    Exit code: 0 every job has its ranking, 1 some have none, 2 something did not start.
    """
    with ended_by_signals(), ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-demo-"))
        sample = source or exits.enter_context(
            importlib.resources.as_file(importlib.resources.files("rerankq") / "samples/demo.jsonl")
        )
        opened = exits.enter_context(Source.open(str(sample)))
        stack = Stack("demo", load().of_operator(), exits)
        stack.start_redis(Path(folder))
        stack.start_upstream()
        stack.start_worker()
        stack.start_flower(Path(folder) / "flower", port)
        if serve:
            stack.start_gateway(None, RERANKQ_GATEWAY_FILES_DIR=str(Path(folder) / "files"))
        stack.await_ready()
        outcome, report = _run(stack, opened, Path(sample), Path(folder) / "out.jsonl")
        show_rankings(report)
        _conclude(outcome, report, own=source is not None)
        if stack.slow_scorer:
            put(_PACE)
        _point_to_flower(stack, stays=serve)
        if serve:
            _serve(stack)
    # Bad lines do not count: the sample has some on purpose.
    raise typer.Exit(ExitCode.NO_RANKING if outcome.summary.tally.failed else ExitCode.DONE)


def _run(stack: Stack, source: Source, sample: Path, output: Path) -> tuple[Outcome, Report]:
    settings = stack.settings
    manner, defaults = Manner("demo", details=False), Defaults(model=settings.model)
    with Sink.open(str(output)) as sink:
        outcome, _ = asyncio.run(run_batch(settings, source, sink, manner, defaults=defaults))
    if outcome.interrupted:
        raise KeyboardInterrupt
    stack.check()
    if outcome.fault:
        raise outcome.fault
    return outcome, read_report(sample, output)


def _conclude(outcome: Outcome, report: Report, *, own: bool) -> None:
    if report.bad_lines:
        which = "the input are no jobs" if own else "the sample are invalid on purpose"
        put(f"{len(report.bad_lines)} lines of {which}:")
        for line in report.bad_lines:
            put(f"  {line}")
    put(outcome.summary.jobs_sentence("demo"))


def _point_to_flower(stack: Stack, *, stays: bool) -> None:
    if stack.flower and stays:
        put(f"demo: Flower is at {stack.flower}")
    elif stack.flower:
        put(f"demo: Flower was at {stack.flower.url}; `rerankq demo --serve` leaves it up")


def _serve(stack: Stack) -> None:
    put("")
    put("demo: all of it stays up until Ctrl-C. In another terminal:")
    put(f"  export RERANKQ_REDIS_URL={stack.settings.redis_url}")
    put(f"  {sample_submission()}")
    if stack.gateway:
        put(f"  {sample_call(stack.gateway)}")
    try:
        watch(stack)
    except KeyboardInterrupt:
        put("demo: stopping")
