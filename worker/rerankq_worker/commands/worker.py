"""`rerankq worker`: the lanes, in the foreground."""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Annotated
from urllib.parse import urlsplit

import typer

from rerankq.contract import Lane
from rerankq.errors import SettingsError
from rerankq.foreign_environment import drop_foreign_variables
from rerankq.monitoring.logs.fields import FIGURES
from rerankq.monitoring.logs.masks import secrets_in
from rerankq.monitoring.logs.options import FormatOption, LevelOption, prefer
from rerankq.monitoring.logs.set_up import set_up_log
from rerankq.monitoring.traces.endpoint import Endpoint
from rerankq.monitoring.traces.start import trace_worker
from rerankq.open_files import allow_open_files
from rerankq.secret_files import Variables
from rerankq.store.first_contact import look
from rerankq.variables import OTHER_NAMES, named_values, refuse_unknown
from rerankq_worker.process.shutdown_deadline import ENDING_SIGNALS
from rerankq_worker.process.supervisor import end_with_stdin, serve_lanes
from rerankq_worker.provider.environment import check_environment
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.telemetry.banner import banner, doubtful_keys
from rerankq_worker.telemetry.listeners import attach_listeners, named_listeners
from rerankq_worker.upstream.sites import Site

log = logging.getLogger(__name__)


def worker(
    lane: Annotated[
        list[Lane] | None,
        typer.Option(help="Lane to serve; give it twice for both, which is the default."),
    ] = None,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
    end_with_parent: Annotated[bool, typer.Option("--end-with-stdin", hidden=True)] = False,  # noqa: FBT002  typer reads the default
) -> None:
    """Serve jobs in the foreground until SIGTERM or Ctrl-C; running jobs are finished first.

    Each lane is a Celery worker in a process of its own.
    """
    prefer(log_level, log_format)
    refuse_unknown((*WorkerSettings.names(), *OTHER_NAMES), env_file=".env")
    settings = WorkerSettings.load(env_file=".env")
    sites = settings.sites(Variables(os.environ, named_values(".env")))
    check_environment(sites)
    # Here too, so that a wrong name stops the process that only supervises lanes.
    named_listeners(settings.listeners)
    lanes = list(dict.fromkeys(lane or Lane))
    whose = lanes[0].value if len(lanes) == 1 else ""
    set_up_log(
        settings.log_level,
        settings.log_format,
        service="worker",
        lane=whose,
        secrets=_secrets(settings, sites),
    )
    if not end_with_parent:
        for line, figures in banner(version("rerankq"), settings, sites, lanes):
            log.info("%s", line, extra={FIGURES: figures})
        for name in doubtful_keys(sites):
            log.warning("the key %s has no digit: if it is a placeholder, set your own key", name)
    if end_with_parent:
        end_with_stdin()
    if len(lanes) > 1:
        raise typer.Exit(serve_lanes(lanes, first_health_port=settings.health_port))
    check_health_address(settings)
    allow_open_files()
    # Until Celery takes over, a signal ends the process at once: no work has begun.
    for number in ENDING_SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))
    looking = look(settings.redis_url, settings.namespace, concern=settings.write_concern)
    if problem := asyncio.run(looking):
        log.warning("%s (the worker starts, and tries again)", problem)
    drop_foreign_variables(os.environ)
    # Celery is slow to import, and the process that only supervises lanes does not need it.
    from rerankq_worker.app import WorkerApp  # noqa: PLC0415

    app = WorkerApp(settings, sites, lanes[0])
    trace_worker(settings, app.rerankq_events, lanes[0], _endpoints(sites))
    attach_listeners(settings.listeners, app.rerankq_events, lanes[0])
    raise typer.Exit(app.serve())


def _endpoints(sites: Sequence[Site]) -> dict[str, Endpoint]:
    """Where calls go, for traces."""
    found = {}
    for site in sites:
        address = urlsplit(site.url)
        found[site.name] = Endpoint(site.dialect, address.hostname or "", address.port)
    return found


def _secrets(settings: WorkerSettings, sites: Sequence[Site]) -> Iterator[str]:
    """What no line of the log may show."""
    yield from secrets_in(settings.redis_url)
    yield from secrets_in(settings.callback_broker)
    for site in sites:
        for account in site.accounts:
            yield from (key.authorization.rpartition(" ")[2] for key in account.keys)


def check_health_address(settings: WorkerSettings) -> None:
    """Refuse what cannot be listened on; later it would fail in the middle of Celery's start."""
    host, port = settings.health_host, settings.health_port
    if port is None:
        return
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        # Python adds the address, which is named here already.
        why = str(error.strerror).partition(" (while attempting")[0]
        is_unknown_name = (error.errno or 0) < 0
        if is_unknown_name or error.errno == errno.EADDRNOTAVAIL:
            raise SettingsError(
                f"RERANKQ_HEALTH_HOST: {host} is no address of this machine: {why}"
            ) from None
        raise SettingsError(
            f"RERANKQ_HEALTH_PORT: {host}:{port} cannot be listened on: {why}"
        ) from None
