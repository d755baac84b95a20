"""A budget: what the jobs of a batch or a tenant may cost together, in tokens or in money.

In Redis it is a whole number: of tokens, or of billionths of a currency, so that sums are exact.
With a budget in money stand the prices of models, as they were when it was set.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import orjson

from rerankq.contract import DEFAULT_MODEL, BudgetUse
from rerankq.contract.budget import BUDGET, BUDGET_FORM
from rerankq.cost.prices import MILLION, Prices
from rerankq.errors import InvalidRequest

TOKENS: Final = "tokens"
PARTS: Final = 1_000_000_000
"""Of one unit of a currency."""
MOST: Final = 2**53 - 1
"""The largest number that a script adds up exactly."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many tokens, or so much money.

    Attributes:
        parts: whole tokens, or billionths of the currency.
        unit: `tokens`, or the currency's three letters.
    """

    parts: int
    unit: str = TOKENS

    @classmethod
    def parse(cls, text: str) -> Self:
        """A budget as people write it: `5000000`, `5000000 tokens`, `12.50 USD`.

        Raises:
            InvalidRequest: it is none.
        """
        found = BUDGET.fullmatch(text.strip())
        unit = (found[3] or TOKENS) if found else ""
        if not found or (unit == TOKENS and found[2]):
            raise InvalidRequest("budget", BUDGET_FORM)
        amount = Decimal(found[1] + (found[2] or "")) * (1 if unit == TOKENS else PARTS)
        if not 1 <= amount <= MOST:
            raise InvalidRequest("budget", "must be over 0, and at most 9,007,199 of a currency")
        return cls(int(amount), unit)

    def fields(self, prices: Path | None) -> dict[str, Any]:
        """What the ledger stores of it.

        Args:
            prices: the user's file of prices, for money.

        Raises:
            InvalidRequest: no model has a price by the token in its currency.
            SettingsError: the file of prices is wrong.
        """
        stored: dict[str, Any] = {"budget": self.parts, "budget_unit": self.unit}
        if self.unit != TOKENS:
            rates = self._rates(Prices.load(prices))
            if not rates:
                raise InvalidRequest(
                    "budget",
                    f"is in {self.unit}, in which no model has a price by the token: name prices "
                    "in RERANKQ_PRICES, or give tokens",
                )
            stored["budget_rates"] = orjson.dumps(rates).decode()
        return stored

    def _rates(self, prices: Prices) -> dict[str, float]:
        """Billionths of the currency a token, by model; jobs of the default model name none."""
        return {
            "" if each.model == DEFAULT_MODEL else each.model: float(
                each.per_million_tokens * PARTS / MILLION
            )
            for each in prices
            if each.currency == self.unit and each.per_million_tokens is not None
        }

    @property
    def text(self) -> str:
        """As `parse` reads it, exactly."""
        return (
            f"{self.parts}"
            if self.unit == TOKENS
            else f"{Decimal(self.parts) / PARTS:f} {self.unit}"
        )


def use_of(
    unit: str, *, limit: int | None, reserved: int, spent: int, exhausted: bool
) -> BudgetUse:
    """How a budget stands, from what the ledger stores of it; a damaged number counts as 0."""
    part = 1 if unit == TOKENS else PARTS
    return BudgetUse(
        unit=unit,
        limit=None if limit is None else limit / part,
        reserved=max(0, reserved) / part,
        spent=max(0, spent) / part,
        exhausted=exhausted,
    )
