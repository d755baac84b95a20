"""The Lua scripts by their names, and which room each is of."""

import hashlib
from functools import cache

from rerankq.store.keys import Keys
from rerankq.store.script_text import read

_ROOMS = {
    "allot": "rerankq.accounts",
    "trip": "rerankq.accounts",
    "probe": "rerankq.accounts",
    "put_aside": "rerankq.broker",
    "first_contact": "rerankq.store",
}


@cache
def text_of(name: str, namespace: str = "") -> str:
    """The whole text of the script of that name, for the keys of a namespace."""
    return read(_ROOMS.get(name, "rerankq.ledger"), name).with_keys(Keys(namespace))


@cache
def digest_of(text: str) -> str:
    """The name that Redis gives a script of this text."""
    # SHA-1 is how it does that; nothing is secured by it.
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
