"""Where jobs may be sent: sites, the accounts held there, and the accounts' keys."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from rerankq.accounts.accounts import Limits
from rerankq_worker.upstream.dialects.dialect import Options


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the whole Authorization header that it makes."""

    authorization: str = field(repr=False)
    id: str = field(init=False, compare=False)
    """A fingerprint (SHA-256, cut short) by which the key can be spoken of."""

    def __post_init__(self) -> None:
        fingerprint = hashlib.sha256(self.authorization.encode()).hexdigest()[:8]
        object.__setattr__(self, "id", fingerprint)


@dataclass(frozen=True, slots=True)
class Account:
    """What limits hold for: the calls of all its keys together.

    Attributes:
        name: in Redis and for the operator, the same for all workers.
        keys: in the order in which they are used.
        limits: as far as they are known.
    """

    name: str
    keys: tuple[Key, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint.

    Attributes:
        name: for the operator.
        url: where requests are posted.
        dialect: how it wants to be asked.
        accounts: in the order in which they are used.
        models: what this site calls the models that it serves, by the name that jobs give them;
            empty where it knows every model by that name.
        options: of the dialect, as far as they are set.
    """

    name: str
    url: str
    dialect: str
    accounts: tuple[Account, ...]
    models: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """A fingerprint of where and how it is asked: what it proved holds for no other address."""
        told = f"{self.dialect} {self.url}".encode()
        # No number: Redis' scripts would take one for it.
        return f"at-{hashlib.sha256(told).hexdigest()[:12]}"

    def model(self, name: str) -> str | None:
        """What the site calls a model; None when it has none of that name."""
        return self.models.get(name) if self.models else name
