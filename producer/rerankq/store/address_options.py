"""The options after the `?` of Redis' address: which there are, and how each is read."""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

SENTINEL_SCHEMES: Final = ("sentinel", "sentinels")
TLS_SCHEMES: Final = ("rediss", "sentinels")
TLS: Final = "ssl_"
OF_SENTINEL: Final = "sentinel_"
"""Beginnings of the names of options that only some addresses have."""


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least:,} to {most:,}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII) or float(text) == 0:
        raise ValueError("must be a number of seconds above 0")
    return float(text)


def _yes_or_no(text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise ValueError("must be true or false")
    return known[text.lower()]


def _requirement(text: str) -> str:
    wanted = text.lower().removeprefix("cert_")
    if wanted not in {"none", "optional", "required"}:
        raise ValueError("must be required, optional or none")
    return wanted


def _name(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must have no blanks and no special characters: Redis refuses them")
    return text


def _text(text: str) -> str:
    return text


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "db": _whole(0, 999_999_999),
    "protocol": _whole(2, 3),
    "client_name": _name,
    "max_connections": _whole(1, 100_000),
    "socket_timeout": _seconds,
    "socket_connect_timeout": _seconds,
    "health_check_interval": _whole(0, 86_400),
    "ssl_ca_certs": _text,
    "ssl_ca_path": _text,
    "ssl_certfile": _text,
    "ssl_keyfile": _text,
    "ssl_password": _text,
    "ssl_cert_reqs": _requirement,
    "ssl_check_hostname": _yes_or_no,
    "sentinel_username": _text,
    "sentinel_password": _text,
}
"""The options that all connections understand alike, and how each is read."""


def read_options(query: str, scheme: str) -> dict[str, Any]:
    """The options, by the library's names.

    Raises:
        ValueError: one is unknown, twice there, or wrong; the message quotes none of their values.
    """
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _READERS:
            near = difflib.get_close_matches(name, _READERS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_READERS)}"
            raise ValueError(f"has an unknown option: {hint}")
        if name.startswith(TLS) and scheme not in TLS_SCHEMES:
            raise ValueError(f"has {name}, which is only for rediss:// and sentinels://")
        if name.startswith(OF_SENTINEL) and scheme not in SENTINEL_SCHEMES:
            raise ValueError(f"has {name}, which is only for sentinel://")
        if name in found:
            raise ValueError(f"has {name} twice")
        try:
            found[name] = _READERS[name](text)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    if "ssl_keyfile" in found and "ssl_certfile" not in found:
        raise ValueError("has ssl_keyfile without ssl_certfile: a key needs its certificate")
    return found
