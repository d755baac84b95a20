"""The folder in which Flower keeps what it has seen, from one start to the next.

The file is a pickle, which runs code when it is read: the folder belongs to its owner alone. There
is a file for each Redis and namespace, so that no environment shows the jobs of another.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rerankq.cli.failures import CommandError
from rerankq.store.address import RedisAddress

_OTHERS = 0o077


def usual_folder() -> Path:
    """Where it is if none is named."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return Path(base if base.startswith("/") else "~/.local/share").expanduser() / "rerankq/flower"


@contextmanager
def kept_file(folder: Path, redis_url: str, namespace: str) -> Iterator[Path]:
    """The file for what is seen of this Redis, while no other Flower uses it.

    Raises:
        CommandError: the folder cannot be used, others may write there, or another Flower uses it.
    """
    address = RedisAddress.parse(redis_url).public_url
    name = hashlib.sha256(f"{address}\n{namespace}".encode()).hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & _OTHERS:
            raise CommandError(
                f"the folder {folder} is open to other users: make it your own (chmod 700), or "
                "name another one with --data"
            )
        lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CommandError(
            f"the folder {folder} cannot be used: {error.strerror}; name another one with --data"
        ) from None
    try:
        _take(lock, folder)
        yield folder / f"{name}.db"
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandError(
            f"another Flower uses the folder {folder} for this Redis: name another one with --data"
        ) from None
