"""Starts the server, listens, and stops."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Final

from aiohttp import web

from rerankq.cli.terminal import put
from rerankq_sandbox.admin import Admin
from rerankq_sandbox.bigram import BigramScorer
from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.delivery import refused
from rerankq_sandbox.dialects import DIALECTS, served
from rerankq_sandbox.door import Door
from rerankq_sandbox.endpoint import Endpoint, Parts
from rerankq_sandbox.error_table import typical
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.faults import RandomFaults
from rerankq_sandbox.hashed import HashScorer
from rerankq_sandbox.journal import Journal
from rerankq_sandbox.latency import Latency
from rerankq_sandbox.metering.accounts import MeteredAccounts
from rerankq_sandbox.metering.limiter import Limiter
from rerankq_sandbox.request_id import (
    REQUEST_ID_HEADER,
    current_request_id,
    start_request,
)
from rerankq_sandbox.rules import FaultRules
from rerankq_sandbox.scenario import Scenario, load_scenario
from rerankq_sandbox.scoring import Scorer, ScorerName, resolve
from rerankq_sandbox.semantic import SemanticScorer, load_encoder
from rerankq_sandbox.shapes import GATEWAY
from rerankq_sandbox.timeline import Timeline

# Longer than a worker keeps an idle connection, so that the client closes first.
_KEEPALIVE_S = 75.0

# When the server stops, calls in flight get this long: a hanging call must not block the stop.
_SHUTDOWN_S = 1.0

# Added to the banner, so that a slow scorer surprises nobody.
_PACES: Final[Mapping[ScorerName, str]] = {
    "semantic": ", a few hundred documents a second",
    "bigram": "",
    "hash": "",
}

_TIMELINE = web.AppKey("timeline", Timeline)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(config: SandboxConfig, ready: Callable[[int], None] | None = None) -> None:
    """Serve until cancelled, or until SIGTERM or SIGINT when run in the main thread.

    Args:
        config: What to serve.
        ready: Called once with the port, as soon as connections are accepted.

    Raises:
        ScorerUnavailableError: The scorer asked for is not installed.
        SettingsError: The scenario file is wrong, or cannot be read.
        OSError: The port is taken, at the start or after an outage in which it was closed, or the
            log file cannot be opened.
    """
    scenario = None if config.scenario is None else load_scenario(config.scenario)
    async with _scorer(resolve(config.scorer)) as scorer:
        with contextlib.closing(Journal(config.log, config.log_entries)) as journal:
            await _listen(config, build_app(config, scorer, journal, scenario), ready)


async def _listen(
    config: SandboxConfig, app: web.Application, ready: Callable[[int], None] | None
) -> None:
    runner = web.AppRunner(
        app,
        access_log=None,
        # A client that goes away cancels its call: otherwise a hanging call would never end.
        handler_cancellation=True,
        keepalive_timeout=_KEEPALIVE_S,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    try:
        door = Door(runner, config.host, config.port)
        # Signals come before `ready`, because the caller may stop the server right after it.
        with _stop_signals() as stop:
            await door.open()
            if ready is not None:
                ready(door.port)
            await door.keep(app[_TIMELINE], stop)
    finally:
        await runner.cleanup()


def main_run(config: SandboxConfig, begin_log: Callable[[], None] = lambda: None) -> None:
    """Serve in the foreground, and print the address; returns after SIGTERM or SIGINT.

    Args:
        config: what to serve, and how.
        begin_log: called once it listens; before that, what is wrong is raised.

    Raises:
        ScorerUnavailableError: The scorer asked for is not installed.
        SettingsError: The scenario file is wrong, or cannot be read.
        OSError: The port is taken, or the log file cannot be opened.
        OutputClosed, OutputFailed: stdout cannot be written.
    """
    scorer = resolve(config.scorer)

    def announce(port: int) -> None:
        begin_log()
        put(banner(config, port, scorer))

    asyncio.run(serve(config, announce))


def banner(config: SandboxConfig, port: int, scorer: ScorerName) -> str:
    """The line that says where the server listens."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    check = "on" if config.keys else "off"
    return (
        f"sandbox: listening on http://{host}:{port}{DIALECTS[config.dialect].path} "
        f"(scorer: {scorer}{_PACES[scorer]}, key check: {check})"
    )


def build_app(
    config: SandboxConfig, scorer: Scorer, journal: Journal, scenario: Scenario | None
) -> web.Application:
    """Put all parts together; nothing else does. The scenario begins here."""
    rules, limiter, accounts = FaultRules(), Limiter(), MeteredAccounts()
    latency = Latency(config.latency, config.seed)
    timeline = Timeline(limiter, latency, accounts)
    if scenario is not None:
        timeline.start(scenario, time.monotonic())
    # Asked in this order: rules set by hand come before a script, and both before chance.
    faults = (rules, timeline, RandomFaults(config))
    parts = Parts(config, scorer, latency, accounts, limiter, timeline, faults, journal)
    app = web.Application(middlewares=[_gateway_manners], client_max_size=config.max_body_bytes)
    app[_TIMELINE] = timeline
    app.on_response_prepare.append(_add_request_id)
    for dialect in served(config.dialect):
        app.router.add_post(dialect.path, Endpoint(dialect, parts).handle)
    app.add_routes(Admin(rules, limiter, timeline, journal).routes())
    return app


@web.middleware
async def _gateway_manners(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Give the request its id, and each refusal the gateway's format; never send a traceback."""
    request_id = start_request()
    try:
        return await handler(request)
    except GatewayError as error:
        refusal = error
    except web.HTTPException as error:
        refusal = GatewayError(error.status, f"{error.reason} ({request.method})")
    except ConnectionError:
        raise  # the client is gone: nobody reads an answer
    except Exception:  # noqa: BLE001 - a bug of the sandbox must look like a gateway's
        refusal = typical(500)
    return refused(refusal, GATEWAY, request_id)


async def _add_request_id(_request: web.Request, response: web.StreamResponse) -> None:
    request_id = current_request_id()
    if request_id is not None:
        response.headers[REQUEST_ID_HEADER] = request_id


@contextlib.asynccontextmanager
async def _scorer(name: ScorerName) -> AsyncIterator[Scorer]:
    scorer: Scorer = HashScorer() if name == "hash" else BigramScorer()
    if name == "semantic":
        # In a thread: loading takes a second, and the caller may use the same event loop.
        scorer = SemanticScorer(await asyncio.to_thread(load_encoder))
    with contextlib.closing(scorer):
        yield scorer


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    taken: list[signal.Signals] = []
    # Outside the main thread signals cannot be handled: only cancellation ends the wait there.
    with contextlib.suppress(ValueError, RuntimeError):
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
            taken.append(number)
    try:
        yield stop
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
