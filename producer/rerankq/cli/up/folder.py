"""The folder of data: what is kept in it from one `rerankq up` to the next.

redis/      Redis' data and its log
files/      files that were uploaded to the gateway
flower/     what Flower has seen
prometheus/ configuration and data of Prometheus, with --metrics
up.json     ports and secrets, readable by their owner alone
up.lock     locked while it is in use; has the number of the process
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from rerankq.cli.failures import CommandError

_OWNER_ONLY: Final = 0o600
_ENDING_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


class Kept(BaseModel):
    """Made at the first start, and used at each later one.

    Attributes:
        redis_port: the port of the Redis that was started.
        flower_password: the password of Flower's pages.
        token: a token of the gateway, if one was made.
    """

    redis_port: int | None = None
    flower_password: str = Field(default_factory=lambda: secrets.token_urlsafe(12))
    token: str = ""


class DataFolder:
    """The folder, while it is locked.

    Args:
        path: the folder.
        lock: the descriptor of its lock: the folder stays locked while a process has it open.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.lock = lock
        self.redis = path / "redis"
        self.files = path / "files"
        self.flower = path / "flower"
        self.prometheus = path / "prometheus"
        self.secrets = path / "up.json"
        for each in (self.redis, self.files, self.flower):
            each.mkdir(mode=0o700, exist_ok=True)

    def kept(self) -> Kept:
        """What was kept; new values when nothing was.

        Raises:
            CommandError: the file is damaged.
        """
        try:
            return Kept.model_validate_json(self.secrets.read_bytes())
        except FileNotFoundError:
            return Kept()
        except ValidationError:
            raise CommandError(
                f"{self.secrets} is damaged: delete it, and new secrets are made"
            ) from None

    def keep(self, kept: Kept) -> None:
        """Replace what was kept, whole or not at all."""
        new = self.secrets.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
        with os.fdopen(descriptor, "w") as file:
            file.write(kept.model_dump_json(indent=2) + "\n")
        new.replace(self.secrets)


@contextmanager
def locked(path: Path) -> Iterator[DataFolder]:
    """Make the folder if it is missing, and use it alone until the end of the context.

    Raises:
        CommandError: another `rerankq up` uses it, or it cannot be written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "up.lock", os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    except OSError as error:
        raise CommandError(
            f"the folder {path} cannot be used: {error.strerror}; name another one with --data"
        ) from None
    try:
        _take(lock, path)
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield DataFolder(path, lock)
    finally:
        os.close(lock)


def _take(lock: int, path: Path) -> None:
    give_up = time.monotonic() + _ENDING_SECONDS
    while not _taken(lock):
        process = os.pread(lock, 32, 0).decode("ascii", errors="replace").strip() or "unknown"
        # The guard of a killed one keeps the lock until it has ended Redis and the others.
        if _runs(process) or time.monotonic() >= give_up:
            raise CommandError(
                f"`rerankq up` already runs on {path} (process {process}): stop it, "
                "or name another folder with --data"
            )
        time.sleep(_POLL_SECONDS)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _runs(process: str) -> bool:
    if not process.isdecimal():
        # The other one has the lock, and is about to write its number.
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
