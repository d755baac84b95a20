"""Whether the gateway can write uploaded files, and how much room there is for them."""

import os
import shutil
from pathlib import Path
from typing import Final

from rerankq.doctor.blocking import in_thread
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok, warning
from rerankq_gateway.doctor.settings import gateway_settings
from rerankq_gateway.files.directory import Directory

_GIB: Final = 1024**3
NEARLY: Final = 0.8


async def look(set_up: SetUp) -> list[Finding]:
    """The folder, or that in which it would be made; and its disk."""
    settings = gateway_settings(set_up)
    folder, most = settings.files_dir.expanduser(), settings.files_bytes
    return await in_thread(lambda: _looked(folder, most))


def _looked(folder: Path, most: int) -> list[Finding]:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return [
            fault(
                "gateway_files_unusable",
                f"the folder for uploaded files cannot be written: {there}",
                "give the gateway's user its rights, or set RERANKQ_GATEWAY_FILES_DIR",
            )
        ]
    used = Directory(folder, most=most).used()
    free = shutil.disk_usage(there).free
    what = f"{used / _GIB:,.1f} of {most / _GIB:,.1f} GiB used in {folder}"
    if used >= NEARLY * most:
        return [
            warning(
                "gateway_files_nearly_full",
                what,
                "delete files, or raise RERANKQ_GATEWAY_FILES_BYTES",
            )
        ]
    if free < most - used:
        said = f"{what}, and its disk has only {free / _GIB:,.1f} GiB more"
        advice = "lower RERANKQ_GATEWAY_FILES_BYTES, or use a larger disk"
        return [note("gateway_files_disk", said, advice)]
    return [ok("gateway_files", what)]
