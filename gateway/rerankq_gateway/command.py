"""`rerankq gateway`: the HTTP server, in the foreground."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from rerankq.client import AsyncRerankClient
from rerankq.errors import LedgerUnavailable, SettingsError
from rerankq.monitoring.logs.options import FormatOption, LevelOption, prefer
from rerankq.open_files import allow_open_files
from rerankq_gateway.process_log import set_up_process_log
from rerankq_gateway.settings import GatewaySettings, load

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 5.0
_OPEN_TO_ALL: Final = (
    "RERANKQ_GATEWAY_HOST: on {host} other machines can connect, so the gateway needs tokens: "
    "create one (`rerankq token create`), set RERANKQ_GATEWAY_TOKENS, or listen on 127.0.0.1"
)


def gateway(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; in place of RERANKQ_GATEWAY_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port; 0 takes a free one. In place of RERANKQ_GATEWAY_PORT."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that share the port; in place of RERANKQ_GATEWAY_WORKERS."),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(
            help="Path under which a proxy publishes it; in place of RERANKQ_GATEWAY_ROOT_PATH."
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(help="Certificate, for HTTPS; in place of RERANKQ_GATEWAY_TLS_CERT."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its key; in place of RERANKQ_GATEWAY_TLS_KEY.")
    ] = None,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
) -> None:
    """Serve jobs over HTTP in the foreground until SIGTERM or Ctrl-C.

    It needs the same Redis as the workers. All settings are RERANKQ_GATEWAY_… variables.
    """
    given = {
        "HOST": host,
        "PORT": port,
        "WORKERS": workers,
        "ROOT_PATH": root_path,
        "TLS_CERT": tls_cert,
        "TLS_KEY": tls_key,
    }
    for name, value in given.items():
        if value is not None:
            # Read by the settings, in the server's other processes as well.
            os.environ[f"RERANKQ_GATEWAY_{name}"] = str(value)
    prefer(log_level, log_format)
    settings = load()
    set_up_process_log(settings)
    allow_open_files()
    if problem := asyncio.run(_problem(settings)):
        log.warning("%s (the gateway starts, and tries again)", problem)
    # Slow to import, and not needed to find a wrong setting.
    from rerankq_gateway.server import serve  # noqa: PLC0415

    serve(settings)


async def _problem(settings: GatewaySettings) -> str:
    """Why Redis cannot be used now; empty when it can.

    Raises:
        SettingsError: it cannot be used until the address or the server's set-up is changed, or
            everybody on the network could call, as there are no tokens.
    """
    async with AsyncRerankClient(settings=settings) as client:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await client.check(promises=True)
                needs_tokens = not settings.on_loopback and not settings.tokens
                if needs_tokens and not await client.tokens.list():
                    raise SettingsError(_OPEN_TO_ALL.format(host=settings.host))
        except LedgerUnavailable as problem:
            if problem.lasting:
                raise SettingsError(str(problem)) from None
            return str(problem)
        except TimeoutError:
            return "Redis does not answer in time"
    return ""
