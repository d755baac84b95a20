"""The worker's commands: `rerankq worker` and `rerankq sandbox`, by entry point."""

import logging
import os
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from rerankq.contract import Lane
from rerankq.errors import SettingsError
from rerankq.settings import OTHER_NAMES, named_values, read_one, refuse_unknown
from rerankq_worker.lanes import end_with_stdin, serve_lanes
from rerankq_worker.settings import WorkerSettings

if find_spec("httpx_aiohttp") is None:
    # Found out now, not when the first lane starts: the command line names the extra.
    raise ModuleNotFoundError("the worker extra is not installed", name="httpx_aiohttp")


def worker(
    lane: Annotated[
        list[Lane] | None,
        typer.Option(help="Lane to serve; give it twice for both, which is the default."),
    ] = None,
    end_with_parent: Annotated[bool, typer.Option("--end-with-stdin", hidden=True)] = False,  # noqa: FBT002  typer reads the default
) -> None:
    """Serve jobs in the foreground until SIGTERM or Ctrl-C; running jobs are finished first.

    Each lane is a Celery worker in a process of its own.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    refuse_unknown((*WorkerSettings.names(), *OTHER_NAMES), env_file=".env")
    settings = WorkerSettings.load(env_file=".env")
    sites = settings.sites(named_values(".env") | os.environ)
    lanes = list(dict.fromkeys(lane or Lane))
    if end_with_parent:
        end_with_stdin()
    if len(lanes) > 1:
        raise typer.Exit(serve_lanes(lanes, first_health_port=settings.health_port))
    _check_health_port(settings)
    # From here until Celery takes over, a signal ends what has not begun.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Celery is slow to import, and the process that only watches over lanes needs none of it.
    from rerankq_worker.app import WorkerApp  # noqa: PLC0415

    raise typer.Exit(WorkerApp(settings, sites, lanes[0]).serve())


def _check_health_port(settings: WorkerSettings) -> None:
    """Refuse a port that is taken now, rather than in the middle of Celery's start."""
    if settings.health_port is None:
        return
    try:
        socket.create_server((settings.health_host, settings.health_port)).close()
    except OSError as error:
        raise SettingsError(
            f"RERANKQ_HEALTH_PORT: {settings.health_host}:{settings.health_port} cannot be "
            f"listened on: {error.strerror}"
        ) from None


_ANSWERS = "Answers"
_LATENCY = "Latency, in milliseconds"
_FAULTS = "Limits and faults"


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    key: Annotated[
        list[str] | None,
        typer.Option(
            envvar="RERANKQ_SANDBOX_KEY", help="Key to demand; several are allowed. None: any key."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="File that gets two JSON lines a call: arrived, answered.")
    ] = None,
    dialect: Annotated[
        str,
        typer.Option(
            help="Whose way of asking and answering: dmxapi, siliconflow, "
            "siliconflow-as-documented, voyage or vllm at /v1/rerank; cohere, tei and dashscope "
            "answer at paths of their own in any case.",
            rich_help_panel=_ANSWERS,
        ),
    ] = "dmxapi",
    scorer: Annotated[
        str,
        typer.Option(
            help="semantic (needs the embedded extra), bigram (fast), hash (fastest, no meaning), "
            "or auto: semantic where it is installed.",
            rich_help_panel=_ANSWERS,
        ),
    ] = "auto",
    latency_ms: Annotated[
        float, typer.Option(help="Mean time to an answer.", rich_help_panel=_LATENCY)
    ] = 0.0,
    jitter: Annotated[
        float,
        typer.Option(
            help="Uniform spread: 0.2 means 80 % to 120 % of the mean.", rich_help_panel=_LATENCY
        ),
    ] = 0.0,
    latency_p99_ms: Annotated[
        float | None,
        typer.Option(
            help="Log-normal instead: half the calls within --latency-ms, 99 % within this.",
            rich_help_panel=_LATENCY,
        ),
    ] = None,
    document_ms: Annotated[
        float, typer.Option(help="Added for each document.", rich_help_panel=_LATENCY)
    ] = 0.0,
    token_ms: Annotated[
        float, typer.Option(help="Added for each token, estimated.", rich_help_panel=_LATENCY)
    ] = 0.0,
    scenario: Annotated[
        Path | None,
        typer.Option(
            help="File (TOML, or .json) that scripts limits, faults, latency and outages in time.",
            rich_help_panel=_FAULTS,
        ),
    ] = None,
    fail_rate: Annotated[
        float, typer.Option(help="Share of calls that fail, 0 to 1.", rich_help_panel=_FAULTS)
    ] = 0.0,
    fail_status: Annotated[
        int, typer.Option(help="Status that failing calls get.", rich_help_panel=_FAULTS)
    ] = 500,
    drop_rate: Annotated[
        float,
        typer.Option(
            help="Share of calls that are cut off without an answer.", rich_help_panel=_FAULTS
        ),
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Seed of latency and of random faults.", rich_help_panel=_FAULTS)
    ] = 0,
) -> None:
    """Serve a stand-in for the upstream: same contract, sensible scores, faults on request.

    While it runs, `/_sandbox/` answers this machine: `faults`, `limits` and `scenario` are set
    there; `stats` and `log` say what was called; `errors` lists what can be replayed by name.
    """
    refuse_unknown((*WorkerSettings.names(), *OTHER_NAMES), env_file=".env")
    keys = key or read_one("RERANKQ_SANDBOX_KEY", env_file=".env").split()
    from rerankq_worker.sandbox import (  # noqa: PLC0415  not for those who serve lanes
        SandboxConfig,
        ScorerUnavailableError,
        main_run,
    )

    try:
        config = SandboxConfig.model_validate(
            {
                "port": port,
                "host": host,
                "keys": tuple(keys),
                "log": log,
                "dialect": dialect,
                "scorer": scorer,
                "latency_ms": latency_ms,
                "jitter": jitter,
                "latency_p99_ms": latency_p99_ms,
                "document_ms": document_ms,
                "token_ms": token_ms,
                "scenario": scenario,
                "fail_rate": fail_rate,
                "fail_status": fail_status,
                "drop_rate": drop_rate,
                "seed": seed,
            }
        )
        main_run(config)
    except ValidationError as error:
        raise SettingsError(_wrong_option(error)) from None
    except ScorerUnavailableError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(
            f"the sandbox cannot start on {host}:{port}: {error.strerror}"
        ) from None


def _wrong_option(error: ValidationError) -> str:
    """The first wrong option, by the name under which it was given."""
    fault = error.errors(include_url=False, include_input=False)[0]
    said = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        # What is wrong between options: the words name their fields.
        return said.replace("_", "-")
    name = str(fault["loc"][0])
    return f"--{'key' if name == 'keys' else name.replace('_', '-')}: {said}"
