"""The Lua scripts, each put together from its files.

Every script begins with `prelude.lua`. One that has grown is taken apart by duty: a line
`-- @include allot/rate` stands for what is in `lua/allot/rate.lua`. All its files are one scope, in
the order of these lines, so each says at its head what it defines for those after it.
"""

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Final

INCLUDE: Final = re.compile(r"^-- @include (\S+)\n", re.MULTILINE)


@cache
def text_of(name: str) -> str:
    """The whole text of the script of that name."""
    return _read("prelude") + INCLUDE.sub(lambda line: _read(line[1]), _read(name))


@cache
def digest_of(name: str) -> str:
    """The name that Redis gives the script."""
    # SHA-1 is how it does that; nothing is secured by it.
    return hashlib.sha1(text_of(name).encode(), usedforsecurity=False).hexdigest()


def _read(name: str) -> str:
    return (files("rerankq.ledger") / "lua" / f"{name}.lua").read_text("utf-8")
