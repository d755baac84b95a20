"""The text of a Lua script, put together from its files.

A line `-- @include allot/rate` stands for the file `lua/allot/rate.lua` of the script's own package
or, if that has no such file, of this one; each file is included once, in the order of these lines.
An included file names by `-- @defines` what it defines for later ones, without `local`: all else in
it is its own, as Lua allows a function only 200 local names. A file says by `-- @keys` which keys
of `rerankq.store.keys` it uses, and by `-- @constants` which values it gets from Python.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from rerankq.store.keys import Keys, quoted

OWN_ROOM: Final = "rerankq.store"
_INCLUDE: Final = re.compile(r"^-- @include (\S+)\n", re.MULTILINE)
_DEFINES: Final = re.compile(r"^-- @defines (.+)\n", re.MULTILINE)
_DEFINED: Final = re.compile(r"^(?:function (\w+)\(|(\w+(?:, \w+)*) = )", re.MULTILINE)
_KEYS: Final = re.compile(r"^-- @keys (.+)\n", re.MULTILINE)
_CONSTANTS: Final = re.compile(r"^-- @constants (.+)\n", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"^-- @(arguments?) (\w+) (\w+):", re.MULTILINE)
_REPLY: Final = re.compile(r"^-- @answer ([\w ]+)", re.MULTILINE)
_USED: Final = re.compile(r"\b([a-z_]+)_key\b")
_COMMENT: Final = re.compile(r"--.*")
_KNOWN: Final = frozenset(vars(Keys())) - {"namespace", "prefix"}
_AS_LOCAL: Final = {
    "text": "ARGV[{}]",
    "number": "tonumber(ARGV[{}])",
    "flag": "ARGV[{}] == '1'",
    "json": "cjson.decode(ARGV[{}])",
    "all text": "{{unpack(ARGV, {})}}",
}


class ScriptError(Exception):
    """A file of a script disagrees with its head, or with its declaration in Python."""


@dataclass(frozen=True, slots=True)
class Head:
    """The declaration in a script's file: its arguments with their kinds, and its answer's kind."""

    arguments: tuple[tuple[str, str], ...]
    reply: str


@dataclass(frozen=True, slots=True)
class ScriptText:
    """A script without the definitions that Python adds.

    Attributes:
        head: of its own file.
        keys: names of the keys that its files use, as in `Keys`.
        constants: names of the constants that they use.
        body: its files, one after the other.
    """

    head: Head
    keys: tuple[str, ...]
    constants: tuple[str, ...]
    body: str

    def whole(self, keys: Keys, constants: Mapping[str, Any]) -> str:
        """The script as Redis gets it."""
        lines = [keys.in_lua(each) for each in self.keys]
        lines += [f"local {each} = {_literal(constants[each])}\n" for each in self.constants]
        for at, (name, kind) in enumerate(self.head.arguments, 1):
            lines.append(f"local {name} = {_AS_LOCAL[kind].format(at)}\n")
        return "".join(lines) + self.body


@cache
def read(package: str, name: str) -> ScriptText:
    """A script, or a part of scripts.

    Args:
        package: the package whose folder `lua` has it.
        name: its file, without the ending.

    Raises:
        ScriptError: the head of a file names other keys than those that the file uses, or other
            names than those that it defines.
    """
    parts = list(_parts(package, name, set()))
    keys = dict.fromkeys(key for part in parts for key in part.keys)
    constants = dict.fromkeys(each for part in parts for each in part.constants)
    body = "".join(part.body for part in parts)
    return ScriptText(parts[-1].head, tuple(keys), tuple(constants), body)


def _parts(package: str, name: str, seen: set[str]) -> Iterator[ScriptText]:
    text = _file(package, name)
    for included in _INCLUDE.findall(text):
        if included not in seen:
            seen.add(included)
            yield from _parts(package, included, seen)
    keys = _named(_KEYS, text)
    used = _KNOWN & set(_USED.findall(_COMMENT.sub("", text)))
    _check_equal(f"{package}/lua/{name}.lua: @keys and the keys used", keys, used)
    body = text
    if defines := _named(_DEFINES, text):
        found = [each for match in _DEFINED.findall(text) for each in "".join(match).split(", ")]
        _check_equal(f"{package}/lua/{name}.lua: @defines and the names defined", defines, found)
        body = f"local {', '.join(defines)}\ndo\n{text}end\n"
    yield ScriptText(_head(text), keys, _named(_CONSTANTS, text), body)


def _check_equal(what: str, declared: Iterable[str], found: Iterable[str]) -> None:
    if differing := set(declared) ^ set(found):
        raise ScriptError(f"{what} differ in {', '.join(sorted(differing))}")


def _head(text: str) -> Head:
    arguments = tuple(
        (name, f"all {kind}" if which == "arguments" else kind)
        for which, name, kind in _ARGUMENT.findall(text)
    )
    reply = _REPLY.search(text)
    return Head(arguments, reply[1] if reply else "")


def _named(line: re.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(each for names in line.findall(text) for each in names.split())


def _literal(value: str | int) -> str:
    return quoted(value) if isinstance(value, str) else str(value)


def _file(package: str, name: str) -> str:
    own = files(package) / "lua" / f"{name}.lua"
    file = own if own.is_file() else files(OWN_ROOM) / "lua" / f"{name}.lua"
    if not file.is_file():
        raise ScriptError(f"{package}: there is no lua/{name}.lua")
    return file.read_text("utf-8")
