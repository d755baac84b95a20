"""`rerankq up`: the steps, in order."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from rerankq.cli.settings import ENV_FILE, load
from rerankq.cli.stack.parts import Stack
from rerankq.cli.stack.serving import sample_call, watch
from rerankq.cli.stack.signals import ended_by_signals
from rerankq.cli.up.access import ensured_token, on_loopback, token_needed, usual_port
from rerankq.cli.up.folder import DataFolder, locked
from rerankq.cli.up.output import shown_as
from rerankq.monitoring.logs.options import FormatOption, LevelOption, prefer
from rerankq.monitoring.settings import ProcessSettings
from rerankq.variables import read_one

GATEWAY_PORT: Final = 8080
FLOWER_PORT: Final = 5555
PROMETHEUS_PORT: Final = 9090
_GRACE_SECONDS: Final = 45.0
"""As long as the guard gives them: more than a worker lets its jobs run (RERANKQ_DRAIN_SECONDS)."""


def up(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where Redis' data, uploads and secrets are kept.",
            show_default="~/.local/share/rerankq",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address of the gateway; 0.0.0.0 for all of this machine's.",
            show_default="127.0.0.1",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the gateway.", min=1, max=65_535, show_default="8080, or a free one"
        ),
    ] = None,
    flower_port: Annotated[
        int | None,
        typer.Option(help="Port of Flower.", min=1, max=65_535, show_default="5555, or a free one"),
    ] = None,
    metrics: Annotated[
        bool,
        typer.Option("--metrics", help="Also show metrics, and run Prometheus if it is on PATH."),
    ] = False,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
) -> None:
    """Run the whole service on this machine.

    Starts a Redis if RERANKQ_REDIS_URL is not set, the sandbox if there is no key of an upstream,
    then a worker for both lanes, Flower and the gateway. Jobs, results and uploads are kept in a
    folder, so the next `rerankq up` goes on with them. Runs until Ctrl-C. Shows what all parts log,
    with the part's name before each line. If a part ends, all others are stopped.

    Exit code: 0 stopped, 2 something did not start, or has ended.
    """
    prefer(log_level, log_format)
    form = ProcessSettings.load(env_file=ENV_FILE).log_format
    with ended_by_signals(), ExitStack() as exits:
        folder = exits.enter_context(locked((data or _usual_folder()).expanduser().absolute()))
        stack = Stack(
            "up",
            load().of_operator(),
            exits,
            echo=shown_as(form),
            grace=_GRACE_SECONDS,
            kept_open=folder.lock,
        )
        try:
            where = host or read_one("RERANKQ_GATEWAY_HOST", env_file=ENV_FILE) or "127.0.0.1"
            _start(stack, folder, where, port, flower_port, metrics=metrics)
            watch(stack)
        except KeyboardInterrupt:
            stack.say("stopping; jobs that have not ended go on at the next start")


def _usual_folder() -> Path:
    base = os.environ.get("XDG_DATA_HOME", "")
    return Path(base if base.startswith("/") else "~/.local/share") / "rerankq"


def _gateway_port() -> int:
    given = read_one("RERANKQ_GATEWAY_PORT", env_file=ENV_FILE)
    # Kubernetes sets this variable to an address if a Service is named `rerankq-gateway`.
    return int(given) if given.isdecimal() and int(given) else GATEWAY_PORT


def _start(
    stack: Stack,
    folder: DataFolder,
    host: str,
    port: int | None,
    flower_port: int | None,
    *,
    metrics: bool,
) -> None:
    targets = stack.measure() if metrics else {}
    kept = folder.kept()
    kept.redis_port = stack.start_redis(folder.redis, kept.redis_port) or kept.redis_port
    made = "" if on_loopback(host) else ensured_token(stack.settings)
    kept.token = made or kept.token
    folder.keep(kept)
    stack.start_upstream(scorer="bigram")
    stack.start_worker()
    flower_at = flower_port or usual_port(FLOWER_PORT)
    stack.start_flower(folder.flower, flower_at, kept.flower_password)
    at = port or usual_port(_gateway_port(), host)
    stack.start_gateway(at, host, RERANKQ_GATEWAY_FILES_DIR=str(folder.files))
    if metrics:
        stack.start_prometheus(folder.prometheus, usual_port(PROMETHEUS_PORT), targets)
    stack.await_ready()
    _explain(stack, folder, made)


def _explain(stack: Stack, folder: DataFolder, made: str) -> None:
    if stack.gateway:
        stack.say(f"the gateway is at {stack.gateway}")
        needed = token_needed(stack.settings)
        if made:
            stack.say(f"it needs a token: {made} (kept in {folder.secrets})")
        elif needed:
            stack.say(f"it needs a token: one may be in {folder.secrets}; see `rerankq token`")
        else:
            stack.say("it takes any key, from programs of this machine only")
        stack.say(f"try it: {sample_call(stack.gateway, 'TOKEN' if needed else '')}")
    stack.say(f"for Python and `rerankq`: export RERANKQ_REDIS_URL={stack.settings.redis_url}")
    stack.say(f"data is kept in {folder.path}; Ctrl-C stops it all")
