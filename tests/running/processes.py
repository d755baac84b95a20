"""Processes of this machine, as `ps` lists them."""

import subprocess
from collections.abc import Collection


def children(parent: int) -> set[int]:
    """The processes that a process has started and that still run."""
    return {process for process, its_parent, _ in _listed() if its_parent == parent}


def running_among(processes: Collection[int]) -> set[int]:
    """Those of some processes that still run; a zombie does not."""
    return {process for process, _, state in _listed() if process in processes and state != "Z"}


def _listed() -> list[tuple[int, int, str]]:
    said = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    rows = (line.split() for line in said.stdout.splitlines())
    return [(int(process), int(parent), state[0]) for process, parent, state in rows]
