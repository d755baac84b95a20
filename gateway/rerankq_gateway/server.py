"""Starts uvicorn, with one process or several."""

import logging
import signal
import socket
import sys
from typing import Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from rerankq.errors import SettingsError
from rerankq_gateway.connection import BoundedConnection
from rerankq_gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

_BACKLOG: Final = 2048
AFTER_DRAIN_SECONDS: Final = 8
"""When the drain is over, uploads get this long to say where they stand."""
_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients and proxies keep an idle connection, so that they close first."""


def serve(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    # Until uvicorn takes over, and once it has ended in order: it repeats the signal then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    listener = _listener(settings)
    config = uvicorn.Config(
        "rerankq_gateway.app:make",
        factory=True,
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.drain_seconds) + AFTER_DRAIN_SECONDS,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
    )
    log.info("%s", banner(settings, listener.getsockname()[1]))
    if settings.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])


def banner(settings: GatewaySettings, port: int) -> str:
    """The line that says where the gateway listens."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.tls_cert else "http"
    processes = f", {settings.workers} processes" if settings.workers > 1 else ""
    return f"gateway: listening on {scheme}://{host}:{port}{settings.root_path}{processes}"


def _listener(settings: GatewaySettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (settings.host, settings.port), family=family, backlog=_BACKLOG
        )
    except OSError as error:
        raise SettingsError(
            f"the gateway cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from None
    listener.set_inheritable(True)
    return listener
