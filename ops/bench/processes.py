"""Processes that are pinned to a core, and their CPU and memory, from /proc."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

if sys.platform == "linux":
    _CORES = sorted(os.sched_getaffinity(0))
else:
    _CORES = [0]
MEASURED_CORE: Final = _CORES[0]
"""The core of the process that is measured; nothing else runs there."""
OTHER_CORE: Final = _CORES[min(1, len(_CORES) - 1)]
"""The core of Redis, the upstream and the harness."""
STOP_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.01

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
# Fields of /proc/PID/stat after the name, counted from 0; source: proc(5).
_STATE, _SESSION, _TIMES = 0, 3, slice(11, 15)


def stay_aside() -> None:
    """Keep this process, and those that it starts, off the measured core."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {OTHER_CORE})


def pinned(command: Sequence[str], core: int) -> list[str]:
    """The command, kept to one core."""
    return ["taskset", "-c", str(core), *command]


class Running:
    """A process and all that it starts, as a session of their own."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: IO[bytes]
    ) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ask it to end; kill it if it does not."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        if not self._gone(STOP_SECONDS):
            for pid in self._session():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()

    @property
    def pid(self) -> int:
        """The id of the process itself."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        """Processor time of the session so far."""
        return sum(sum(map(int, stat[_TIMES])) for stat in self._session().values()) / _TICK

    def mebibytes(self) -> float:
        """Memory of the session: a shared page is divided among the processes that share it."""
        total = 0
        for pid in self._session():
            with suppress(OSError):
                found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"))
                total += int(found[1]) if found else 0
        return total / 1024

    def peak_mebibytes(self) -> float:
        """The most memory that each process of the session ever had, added up."""
        total = 0
        for pid in self._session():
            with suppress(OSError):
                found = _PEAK.search(Path(f"/proc/{pid}/status").read_text("ascii"))
                total += int(found[1]) if found else 0
        return total / 1024

    def _session(self) -> dict[int, list[str]]:
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                stat = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                if int(stat[_SESSION]) == self._process.pid and stat[_STATE] != "Z":
                    found[int(entry.name)] = stat
        return found

    def _gone(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.alive and not self._session():
                return True
            time.sleep(POLL_SECONDS)
        return False
