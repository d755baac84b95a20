"""What this machine allows: open files, and room for temporary files."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from rerankq.doctor.blocking import in_thread
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, ok, warning
from rerankq.open_files import open_files

LEAST_FILES: Final = 1024
"""A worker keeps up to 512 idle connections to an endpoint, beside those in use and Redis'."""
LEAST_BYTES: Final = 1024**3
NO_BYTES: Final = 64 * 1024**2
_MAKE_ROOM: Final = "free space there, or name a folder on another disk (TMPDIR)"


async def look(_: SetUp) -> list[Finding]:
    """The limits of this user, here: a service may have others."""
    return [_files(), await in_thread(lambda: room_in(Path(tempfile.gettempdir()), "rankings"))]


def _files() -> Finding:
    most = open_files()
    if most is not None and most < LEAST_FILES:
        return warning(
            "files_few",
            f"a process may open {most:,} files",
            f"allow {LEAST_FILES:,} or more (`ulimit -n`, LimitNOFILE= of systemd): each "
            "connection is one",
        )
    shown = "any number of" if most is None else f"{most:,}"
    return ok("files", f"a process may open {shown} files")


def room_in(folder: Path, use: str) -> Finding:
    """Whether a folder's disk has room.

    Args:
        folder: the folder.
        use: what is written there.
    """
    free = shutil.disk_usage(folder).free
    what = f"{free / 1024**3:,.1f} GiB free for {use} in {folder}"
    if free < NO_BYTES:
        return fault("disk_full", what, _MAKE_ROOM)
    if free < LEAST_BYTES:
        return warning("disk_nearly_full", what, _MAKE_ROOM)
    return ok("disk", what)
