"""Keeps Python from importing modules of the current folder, where another project may be.

An empty part of `PYTHONPATH`, as in `PYTHONPATH=$PYTHONPATH:/opt`, and `.` both mean the current
folder, and Python looks there before it looks in its own packages.
"""

# ruff: noqa: PTH109, PTH117, PTH120  pathlib imports more modules, which could be in that folder

import os
import sys
from typing import Final

VARIABLE: Final = "PYTHONPATH"


def leave_out_working_folder() -> None:
    """Remove the current folder from the places where this process and its children find modules.

    It stays if `PYTHONPATH` has its full path, or if rerankq itself was imported from it.
    """
    try:
        folder = os.path.realpath(os.getcwd())
    except FileNotFoundError:
        return
    parts = os.environ.get(VARIABLE, "").split(os.pathsep)
    kept = [part for part in parts if os.path.isabs(part) or os.path.realpath(part) != folder]
    if os.environ.get(VARIABLE):
        os.environ[VARIABLE] = os.pathsep.join(kept)
        if not kept:
            del os.environ[VARIABLE]
    own = os.path.dirname(os.path.dirname(__file__))
    if folder not in map(os.path.realpath, (own, *kept)):
        sys.path[:] = [each for each in sys.path if os.path.realpath(each) != folder]
