"""A Lua script as a typed function: keys and arguments by name, and a typed answer.

The head of the script's file declares the same, and both are compared when the declaration is
imported: so the call and the script always agree.

    -- @argument lease_ms number: how long the lease is
    -- @arguments job_ids text: all that follow, a list
    -- @answer texts: the ids that are no longer the worker's

Each argument is a local of that name in the script. A `flag` arrives as a boolean, `json` decoded.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, ParamSpec, TypeVar, get_origin, get_type_hints

import orjson

from rerankq.store.keys import Keys
from rerankq.store.script_text import Head, ScriptError, read

Argument = str | int | bytes
Constants = Mapping[str, str | int]
P = ParamSpec("P")
T = TypeVar("T")

_KINDS: Final[Mapping[object, str]] = {
    str: "text",
    bytes: "text",
    int: "number",
    bool: "flag",
    list: "json",
    dict: "json",
}
_ENCODERS: Final[Mapping[str, Callable[[Any], Argument]]] = {"flag": int, "json": orjson.dumps}
_NO_CONSTANTS: Final[Constants] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What a script returns.

    Attributes:
        kind: its name in the head of a script.
        read: converts what the redis library returns.
    """

    kind: str
    read: Callable[[Any], T]


NOTHING: Final[Reply[None]] = Reply("nothing", lambda _: None)
FLAG: Final[Reply[bool]] = Reply("flag", lambda reply: reply == 1)
FLAGS: Final[Reply[list[bool]]] = Reply("flags", lambda reply: [each == 1 for each in reply])
NUMBERS: Final[Reply[list[int]]] = Reply("numbers", list)
TEXTS: Final[Reply[list[str]]] = Reply("texts", lambda reply: [each.decode() for each in reply])
MAYBE_TEXT: Final[Reply[str | None]] = Reply(
    "text or nothing", lambda reply: None if reply is None else reply.decode()
)
ROWS: Final[Reply[list[Any]]] = Reply("rows", list)
JSON: Final[Reply[bytes]] = Reply("json", bytes)


@dataclass(slots=True)
class Call(Generic[T]):
    """A script with the arguments of one call."""

    script: "Script[..., T]"
    arguments: Sequence[Argument]


class Script(Generic[P, T]):
    """A script. Calling it makes a `Call`, which a store runs.

    Args:
        package: the package whose folder `lua` has the script.
        name: its file, without the ending.
        arguments: a named tuple with the script's arguments as its fields. A list or a dictionary
            is sent as JSON; a last field that is a tuple stands for all arguments that follow.
        keys: names of the keys that it uses, as in `Keys`.
        reply: what it returns.
        constants: values that its files may use by `-- @constants`, and Python too.
        has_bodies: whether payloads or results are sent with it, or before it in one transaction:
            then each connection first loads it into Redis, so that they are not sent without it.
        is_promise: whether a caller relies on what it has written, so that its answer waits for
            what `WriteConcern` demands.

    Raises:
        ScriptError: the files declare something else.
    """

    def __init__(
        self,
        package: str,
        name: str,
        arguments: Callable[P, tuple[Any, ...]],
        *,
        keys: Sequence[str],
        reply: Reply[T],
        constants: Constants = _NO_CONSTANTS,
        has_bodies: bool = False,
        is_promise: bool = False,
    ) -> None:
        self.name = name
        self.is_promise = is_promise
        self.reply = reply
        self._arguments = arguments
        self._text = read(package, name)
        self._constants = {name: constants.get(name) for name in self._text.constants}
        self._ready: dict[str, tuple[str, str]] = {}
        declared = _declared(arguments)
        self._check(package, Head(declared, reply.kind), keys)
        self._encoders = [
            (at, _ENCODERS[kind]) for at, (_, kind) in enumerate(declared) if kind in _ENCODERS
        ]
        if has_bodies:
            WITH_BODIES.append(self)
        self._has_rest = bool(declared) and declared[-1][1].startswith("all ")

    def __call__(self, *given: P.args, **named: P.kwargs) -> Call[T]:
        """The script with these arguments."""
        sent = [*self._arguments(*given, **named)]
        for at, encode in self._encoders:
            sent[at] = encode(sent[at])
        if self._has_rest:
            sent += sent.pop()
        return Call(self, sent)

    def text(self, namespace: str) -> tuple[str, str]:
        """Its whole text for the keys of a namespace, and its SHA-1, by which Redis calls it."""
        if namespace not in self._ready:
            text = self._text.whole(Keys(namespace), self._constants)
            # Redis names scripts by it; it protects nothing.
            digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            self._ready[namespace] = text, digest
        return self._ready[namespace]

    def _check(self, package: str, head: Head, keys: Sequence[str]) -> None:
        for what, declared, found in (
            ("arguments", head.arguments, self._text.head.arguments),
            ("answer", head.reply, self._text.head.reply),
            ("keys", sorted(keys), sorted(self._text.keys)),
            ("constants", None, next((n for n, v in self._constants.items() if v is None), None)),
        ):
            if declared != found:
                raise ScriptError(
                    f"{package}/lua/{self.name}.lua: its {what} are {found}, "
                    f"declared are {declared}"
                )


WITH_BODIES: Final[list[Script[..., Any]]] = []


def _declared(arguments: Any) -> tuple[tuple[str, str], ...]:
    hints = get_type_hints(arguments)
    return tuple((name, _kind(hints[name])) for name in arguments._fields)


def _kind(hint: Any) -> str:
    if get_origin(hint) is tuple:
        return f"all {_kind(hint.__args__[0])}"
    return _KINDS[get_origin(hint) or hint]
