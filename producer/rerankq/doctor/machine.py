"""What this machine allows: open files, and room for temporary files."""

import resource
import shutil
import tempfile
from pathlib import Path
from typing import Final

from rerankq.doctor.blocking import in_thread
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, ok, warning

LEAST_FILES: Final = 1024
"""A worker keeps up to 512 idle connections to an endpoint, beside those in use and Redis'."""
LEAST_BYTES: Final = 1024**3
NO_BYTES: Final = 64 * 1024**2
_MAKE_ROOM: Final = "free space there, or name a folder on another disk (TMPDIR)"


async def look(_: SetUp) -> list[Finding]:
    """The limits of this user, here: a service may have others."""
    return [_files(), await in_thread(lambda: room_in(Path(tempfile.gettempdir()), "rankings"))]


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < LEAST_FILES:
        most = "" if hard < LEAST_FILES else f", and up to {hard:,} if you ask for it"
        return warning(
            "files_few",
            f"a process may open {soft:,} files{most}",
            f"allow {LEAST_FILES:,} or more (`ulimit -n`, LimitNOFILE= of systemd): each "
            "connection is one",
        )
    shown = "any number of" if soft == resource.RLIM_INFINITY else f"{soft:,}"
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
