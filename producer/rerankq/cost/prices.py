"""What models cost: a dated table in the package, and a user's own file before it.

    [[prices]]
    model = "qwen3-reranker-8b"
    currency = "CNY"
    per_million_tokens = 0.28        # or per_search, for a model that is billed by the search
    as_of = 2026-12-01
    source = "https://example.com/pricing"

Nothing is fetched. A model that no table has is unknown: its price is never guessed.
"""

import importlib.resources
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rerankq.errors import SettingsError
from rerankq.invalid_input import in_plain_words

SETTING: Final = "RERANKQ_PRICES"
MOST_BYTES: Final = 1024 * 1024
MILLION: Final = 1_000_000
LETTERS: Final = 3
"""Of a currency's code, by ISO 4217."""

Amount = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Price(BaseModel):
    """What one model costs.

    Attributes:
        model: its name, as jobs write it.
        currency: three letters, such as USD.
        per_million_tokens: for a million tokens of input.
        per_search: for one search: a call, with no more documents than `documents_per_search`.
        documents_per_search: from the next document on, a call counts as another search.
        as_of: the day on which the source said so.
        source: where it is published.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: Annotated[str, Field(min_length=1, max_length=200)]
    currency: str
    per_million_tokens: Amount | None = None
    per_search: Amount | None = None
    documents_per_search: Annotated[int, Field(ge=1)] | None = None
    as_of: date
    source: Annotated[str, Field(min_length=1, max_length=500)]

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, currency: str) -> str:
        if not (len(currency) == LETTERS and currency.isascii() and currency.isupper()):
            raise ValueError("must be three capital letters, such as USD")
        return currency

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.per_million_tokens is None) == (self.per_search is None):
            raise ValueError("needs either per_million_tokens or per_search")
        if self.documents_per_search is not None and self.per_search is None:
            raise ValueError("documents_per_search belongs to per_search")
        return self

    def cost(self, *, tokens: float, searches: int) -> Decimal:
        """What so many tokens or searches cost, in `currency`."""
        if self.per_million_tokens is not None:
            return self.per_million_tokens * Decimal(tokens) / MILLION
        return (self.per_search or Decimal(0)) * searches

    def searches(self, documents: int) -> int:
        """How many searches a call with so many documents is billed as."""
        return -(-documents // self.documents_per_search) if self.documents_per_search else 1


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prices: tuple[Price, ...]

    @model_validator(mode="after")
    def _once(self) -> Self:
        models = [each.model for each in self.prices]
        for name in models:
            if models.count(name) > 1:
                raise ValueError(f"{name} has two prices: keep one")
        return self


class Prices:
    """The prices of models, by their names.

    Args:
        table: the prices; of two for one model the later one counts.
    """

    def __init__(self, table: Iterable[Price]) -> None:
        self._by_model: Mapping[str, Price] = {each.model: each for each in table}

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """The table of the package, with a user's own prices before it.

        Args:
            path: the user's file; None for none.

        Raises:
            SettingsError: the file cannot be read, or something in it is wrong; names the place.
        """
        return cls((*_packaged(), *(() if path is None else read(path))))

    def of(self, model: str) -> Price | None:
        """The model's price; None when it is unknown."""
        return self._by_model.get(model)

    def __iter__(self) -> Iterator[Price]:
        return iter(self._by_model.values())


def read(path: Path) -> tuple[Price, ...]:
    """The prices in a file.

    Raises:
        SettingsError: it cannot be read, or something in it is wrong; names the place.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{SETTING}: {path} cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{SETTING}: {path} is over {MOST_BYTES:,} bytes")
    return _parsed(content, f"{SETTING}: {path}")


def _packaged() -> tuple[Price, ...]:
    file = importlib.resources.files(__package__) / "prices.toml"
    return _parsed(file.read_bytes(), "the price table of the package")


def _parsed(content: bytes, name: str) -> tuple[Price, ...]:
    try:
        # Decimals, because a price in binary fractions is another price.
        given = tomllib.loads(content.decode(), parse_float=Decimal)
        return _Table.model_validate(given).prices
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} is no TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"{name}: {_faults(error)}") from None
    except (RecursionError, ValueError, InvalidOperation):
        raise SettingsError(
            f"{name} is nested too deeply, or has a number that is too large"
        ) from None


def _faults(error: ValidationError) -> str:
    """The faults, each with its place, and never with a value."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'the file'}: {in_plain_words(each)}"
        for each in faults
    )
