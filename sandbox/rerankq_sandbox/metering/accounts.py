"""Which key belongs to which account."""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr


def _no_key(name: str) -> str:
    # Names are shown everywhere: a key that was put in place of a name must not be.
    if name.startswith("sk-"):
        raise ValueError("an account's name looks like a key")
    return name


AccountName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$"), AfterValidator(_no_key)]

ANONYMOUS: Final = "anonymous"
OTHERS: Final = "others"
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{12}")
_MOST_ACCOUNTS: Final = 1000


@lru_cache(maxsize=_MOST_ACCOUNTS)
def fingerprint(key: str | None) -> str | None:
    """The fingerprint that stands for a key in logs and names; None for no key."""
    if not key:
        return None
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:12]


def is_fingerprint(name: str) -> bool:
    """Whether this may be the name of a single key's account."""
    return _FINGERPRINT.fullmatch(name) is not None


class MeteredAccounts:
    """Names the account of a key: the one to which it was assigned, else an account of its own.

    An account of one key is named by the key's fingerprint; calls without a key are `anonymous`.
    The number of names is bounded: keys after the first 1,000 share `others`.
    """

    def __init__(self) -> None:
        self._names: dict[str | None, str] = {None: ANONYMOUS}

    def assign(self, name: str, keys: Iterable[SecretStr]) -> None:
        """Assign keys to an account, from now on."""
        for key in keys:
            self._names[fingerprint(key.get_secret_value())] = name

    def name(self, mark: str | None) -> str:
        """The account of the key with this fingerprint."""
        known = self._names.get(mark)
        if known is None and mark is not None and len(self._names) < _MOST_ACCOUNTS:
            known = self._names.setdefault(mark, mark)
        return known or OTHERS
