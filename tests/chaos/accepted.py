"""The judge's own record of accepted jobs and their times. It is a file, not in Redis."""

import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path


class Accepted:
    """A file with one line for each job whose submit returned: the time and the id.

    Args:
        path: the file; it grows as jobs are accepted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()
        self._count = 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, job_ids: Iterable[str]) -> None:
        """Record that a submit has just returned these."""
        with self._lock:
            now = time.time()
            for job_id in job_ids:
                self._file.write(f"{now:.6f} {job_id}\n")
                self._count += 1

    def __len__(self) -> int:
        return self._count

    def times(self) -> Mapping[str, float]:
        """When each job was accepted, read from the file."""
        rows = (line.split() for line in self._path.read_text().splitlines())
        return {job_id: float(at) for at, job_id in rows}
