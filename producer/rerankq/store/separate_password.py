"""A password of Redis that does not stand in its address: `RERANKQ_REDIS_PASSWORD`."""

import re
from typing import Final
from urllib.parse import quote

_PARTS: Final = re.compile(r"(?P<scheme>[^:/?]*://)(?:(?P<who>[^/?]*)@)?(?P<rest>.*)", re.DOTALL)


def with_password(url: str, password: str) -> str:
    """The address with the password in it, escaped.

    Raises:
        ValueError: the address has a password already. The message continues a sentence that
            begins with the setting's name.
    """
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return url  # no address: whoever parses it says so
    who = parts["who"] or ""
    if ":" in who:
        raise ValueError("has a password of its own: remove it, or unset RERANKQ_REDIS_PASSWORD")
    return f"{parts['scheme']}{who}:{quote(password, safe='')}@{parts['rest']}"
