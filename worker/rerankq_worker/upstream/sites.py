"""Where jobs may be sent: sites, their accounts, and the accounts' keys."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rerankq.accounts.accounts import Limits
from rerankq_worker.upstream.call_limits import NO_LIMITS, CallLimits
from rerankq_worker.upstream.cheap_hours import CheapHours
from rerankq_worker.upstream.context import NOT_SAID, Context, DeclaredContext, context_of
from rerankq_worker.upstream.dialects.dialect import Options
from rerankq_worker.upstream.listwise import is_known_listwise
from rerankq_worker.upstream.score_scale import NOT_DECLARED, Scales


@dataclass(frozen=True, slots=True)
class Key:
    """A key, as the whole value of the Authorization header."""

    authorization: str = field(repr=False)
    id: str = field(init=False, compare=False)
    """A fingerprint (SHA-256, shortened) that stands for the key in logs and messages."""

    def __post_init__(self) -> None:
        fingerprint = hashlib.sha256(self.authorization.encode()).hexdigest()[:8]
        object.__setattr__(self, "id", fingerprint)


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a site; its limits hold for the calls of all its keys together.

    Attributes:
        name: its name in Redis and for the operator, the same for all workers.
        keys: its keys, in the order in which they are used.
        limits: its limits, as far as they are known.
    """

    name: str
    keys: tuple[Key, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint.

    Attributes:
        name: its name for the operator.
        url: where requests are posted.
        dialect: the format of its requests and answers.
        accounts: its accounts, in the order in which they are used.
        models: this site's names of the models that it serves, by the names that jobs use; empty if
            it serves any model under the jobs' own names.
        options: the dialect's options that are set.
        scales: what its scores are, as far as it is declared.
        shadow: the share of jobs, 0 to 1, of which copies are sent there to try the site out: it
            serves no jobs. 0 for a site that serves jobs.
        context: how many tokens its models read, as far as it is declared.
        scores_as: a name that it shares with sites which give the same scores; None for none.
        listwise: its names of models that are listwise, besides those whose names say it.
        call_limits: what one of its calls may have, besides the limits of its dialect.
        cheap_hours: the hours in which it costs less; None if it always costs the same.
    """

    name: str
    url: str
    dialect: str
    accounts: tuple[Account, ...]
    models: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    scales: Scales = NOT_DECLARED
    shadow: float = 0.0
    context: DeclaredContext = NOT_SAID
    scores_as: str | None = None
    listwise: frozenset[str] = frozenset()
    call_limits: CallLimits = NO_LIMITS
    cheap_hours: CheapHours | None = None

    @property
    def endpoint(self) -> str:
        """A fingerprint of address and dialect: Redis keeps under it whether it ever ranked."""
        told = f"{self.dialect} {self.url}".encode()
        # With a prefix, because Redis' scripts would read plain digits as a number.
        return f"at-{hashlib.sha256(told).hexdigest()[:12]}"

    def is_pointwise(self, model: str) -> bool:
        """Whether a document's score does not depend on the others; `model` is the site's name."""
        return model not in self.listwise and not is_known_listwise(model)

    def model(self, name: str) -> str | None:
        """The site's name for a model; None if it does not serve the model."""
        return self.models.get(name) if self.models else name


def least_contexts(sites: Sequence[Site]) -> Callable[[str], Context | None]:
    """A function that tells the least context that a model has at any of the sites.

    It takes the name that jobs use, and returns None if no site's context of it is known.
    """

    @lru_cache(maxsize=1000)
    def least(model: str) -> Context | None:
        served = [(each, name) for each in sites if (name := each.model(model)) is not None]
        known = [context_of(name, each.context, each.options) for each, name in served]
        return min((each for each in known if each), key=lambda each: each.tokens, default=None)

    return least
