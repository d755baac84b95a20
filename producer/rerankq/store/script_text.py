"""The text of a Lua script, put together from its files.

A line `-- @include allot/rate` stands for what is in `lua/allot/rate.lua`, of the script's own room
or else of this one; each file comes once, however many ask for it. All files are one scope, in the
order of these lines, so each says at its head what it defines for those after it, and by `-- @keys`
which keys of `rerankq.store.keys` it uses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from rerankq.store.keys import Keys

OWN_ROOM: Final = "rerankq.store"
_INCLUDE: Final = re.compile(r"^-- @include (\S+)\n", re.MULTILINE)
_KEYS: Final = re.compile(r"^-- @keys (.+)\n", re.MULTILINE)
_USED: Final = re.compile(r"\b([a-z_]+)_key\b")
_COMMENT: Final = re.compile(r"--.*")
_KNOWN: Final = frozenset(vars(Keys())) - {"namespace", "prefix"}


class ScriptError(Exception):
    """A file of a script is not as its head, or its declaration in Python, says."""


@dataclass(frozen=True, slots=True)
class ScriptText:
    """A script without what builds its keys.

    Attributes:
        keys: names of the keys that it uses, as `Keys` has them.
        body: its files, one behind the other.
    """

    keys: tuple[str, ...]
    body: str

    def with_keys(self, keys: Keys) -> str:
        """The whole script."""
        return "".join(map(keys.in_lua, self.keys)) + self.body


@cache
def read(room: str, name: str) -> ScriptText:
    """A script, or a part of scripts.

    Args:
        room: the package in whose folder `lua` it lies.
        name: its file, without the ending.

    Raises:
        ScriptError: the head of a file names other keys than those that the file uses.
    """
    parts = list(_parts(room, name, set()))
    keys = dict.fromkeys(key for part in parts for key in part.keys)
    return ScriptText(tuple(keys), "".join(part.body for part in parts))


def _parts(room: str, name: str, seen: set[str]) -> Iterator[ScriptText]:
    text = _file(room, name)
    for included in _INCLUDE.findall(text):
        if included not in seen:
            seen.add(included)
            yield from _parts(room, included, seen)
    keys = tuple(key for line in _KEYS.findall(text) for key in line.split())
    used = _KNOWN & set(_USED.findall(_COMMENT.sub("", text)))
    if set(keys) != used:
        differing = ", ".join(sorted(used ^ set(keys)))
        raise ScriptError(f"{room}/lua/{name}.lua: @keys and the keys used differ in {differing}")
    yield ScriptText(keys, text)


def _file(room: str, name: str) -> str:
    own = files(room) / "lua" / f"{name}.lua"
    file = own if own.is_file() else files(OWN_ROOM) / "lua" / f"{name}.lua"
    if not file.is_file():
        raise ScriptError(f"{room}: there is no lua/{name}.lua")
    return file.read_text("utf-8")
