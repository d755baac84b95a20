"""`rerankq flower`: Flower for this broker, always behind a password."""

import asyncio
import importlib.util
import os
import secrets
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from rerankq.cli.failures import CommandError
from rerankq.cli.operate.flower_folder import kept_file, usual_folder
from rerankq.cli.settings import CommandSettings, load
from rerankq.cli.terminal import tell
from rerankq.errors import MissingExtra
from rerankq.extras import install
from rerankq.foreign_environment import drop_foreign_variables
from rerankq.store.address import RedisAddress
from rerankq.store.first_contact import look

USER = "rerankq"


def flower(
    *,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 5555,
    address: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine's.")
    ] = "127.0.0.1",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder in which it keeps what it has seen, to show it after a restart.",
            show_default="~/.local/share/rerankq/flower",
            file_okay=False,
        ),
    ] = None,
    max_tasks: Annotated[
        int,
        typer.Option(
            help="Most jobs that it remembers; each takes about 5 kB.", min=1, max=100_000
        ),
    ] = 10_000,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="Let its buttons cancel jobs and end workers.")
    ] = False,
) -> None:
    """Watch workers and jobs in a browser.

    Runs Flower until Ctrl-C. RERANKQ_FLOWER_AUTH (user:password) sets user and password; without
    it, a password is generated for this run and shown once. Flower sees of each job what happens to
    it, its lane, model, batch and custom id: no query, no document, no ranking. It only looks on,
    unless --allow-changes is given.
    """
    settings = load()
    if not flower_installed():
        raise MissingExtra(f"Flower needs an extra that is not installed: {install('monitor')}")
    _check_free(address, port)
    if problem := asyncio.run(look(settings.redis_url, settings.namespace, writes=False)):
        tell(f"flower: {problem} (Flower starts, and tries again)")
    given = settings.flower_auth.get_secret_value() if settings.flower_auth else ""
    auth = given or f"{USER}:{secrets.token_urlsafe(12)}"
    where = f"flower: http://{address}:{port}"
    if given:
        tell(f"{where} (user and password: RERANKQ_FLOWER_AUTH)")
    else:
        user, _, password = auth.partition(":")
        tell(f"{where} (user {user}, password {password}, generated for this run)")
    tell(f"flower: watching the workers of {RedisAddress.parse(settings.redis_url).public_url}")
    # This process becomes Flower, with settings from rerankq only.
    drop_foreign_variables(os.environ)
    from rerankq.cli.operate.flower_server import View, serve  # noqa: PLC0415  an extra, and slow to import
    from rerankq.cli.operate.monitor import watched  # noqa: PLC0415  as above

    app = watched(settings.redis_url, settings.namespace)
    with ExitStack() as exits:
        view = View(
            file=_kept(data, settings, exits), max_tasks=max_tasks, may_change=allow_changes
        )
        serve(app, settings, view, port=port, address=address, auth=auth)


def flower_installed() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("flower") is not None


def _kept(data: Path | None, settings: CommandSettings, exits: ExitStack) -> Path | None:
    """The file for what it has seen; None if the usual folder cannot be used."""
    folder = data or usual_folder()
    try:
        return exits.enter_context(
            kept_file(folder.expanduser().absolute(), settings.redis_url, settings.namespace)
        )
    except CommandError as error:
        if data:
            raise
        tell(f"flower: {error} (it starts, and forgets at its end what it has seen)")
        return None


def _check_free(address: str, port: int) -> None:
    try:
        family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {address}:{port}: {error.strerror or 'no such address'}"
        ) from None
