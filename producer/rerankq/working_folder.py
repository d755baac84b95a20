"""Nothing is imported from the folder that a command is called in: another project may lie there.

An empty part of `PYTHONPATH`, as `PYTHONPATH=$PYTHONPATH:/opt` leaves it, and `.` both mean that
folder, and Python looks there before it looks where its packages are.
"""

# ruff: noqa: PTH109, PTH117, PTH120  pathlib imports more of what could lie there

import os
import sys
from typing import Final

VARIABLE: Final = "PYTHONPATH"


def leave_out_working_folder() -> None:
    """Take it out of the places where this process and its children look for modules.

    It stays where `PYTHONPATH` names it in full, or where rerankq itself was found in it.
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
