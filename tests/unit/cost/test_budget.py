"""Budgets as people write them, and as the ledger stores them."""

from pathlib import Path

import orjson
import pytest

from rerankq.cost.budget import Budget, use_of
from rerankq.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "parts", "unit", "again"),
    [
        ("5000000", 5_000_000, "tokens", "5000000"),
        ("5000000 tokens", 5_000_000, "tokens", "5000000"),
        ("12.50 USD", 12_500_000_000, "USD", "12.5 USD"),
        ("1000CNY", 1000 * 10**9, "CNY", "1000 CNY"),
        ("0.000000001 EUR", 1, "EUR", "0.000000001 EUR"),
    ],
)
def test_a_budget_is_tokens_or_money(text: str, parts: int, unit: str, again: str) -> None:
    """It is a whole number of tokens or of billionths, and is written so that it is read again."""
    budget = Budget.parse(text)
    assert (budget.parts, budget.unit, budget.text) == (parts, unit, again)
    assert Budget.parse(budget.text) == budget


@pytest.mark.parametrize(
    "text",
    ["", "0", "-5", "1.5", "1.5 tokens", "12 usd", "12,50 USD", "99999999 USD", "1e9", "much"],
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    """The error names the field and the form."""
    with pytest.raises(InvalidRequest, match="must be") as refused:
        Budget.parse(text)
    assert refused.value.field == "budget"


def test_money_is_stored_with_the_prices_of_its_currency(tmp_path: Path) -> None:
    """Only models that are billed by the token in that currency; the default model has no name."""
    path = tmp_path / "prices.toml"
    entry = (
        '[[prices]]\nmodel = "{}"\ncurrency = "{}"\n{} = 0.28\nas_of = 2026-12-01\nsource = "s"\n'
    )
    path.write_text(
        entry.format("qwen3-reranker-8b", "CNY", "per_million_tokens")
        + entry.format("mine", "CNY", "per_million_tokens")
        + entry.format("searches", "CNY", "per_search")
        + entry.format("dollars", "USD", "per_million_tokens")
    )
    fields = Budget.parse("1 CNY").fields(path)
    assert (fields["budget"], fields["budget_unit"]) == (10**9, "CNY")
    assert orjson.loads(fields["budget_rates"]) == {"": 280.0, "mine": 280.0}
    assert Budget.parse("10").fields(None) == {"budget": 10, "budget_unit": "tokens"}


def test_use_is_told_in_the_unit_of_the_budget() -> None:
    """Billionths become units of the currency; a damaged number is none below zero."""
    use = use_of("CNY", limit=10**9, reserved=-5, spent=25 * 10**7, exhausted=False)
    assert (use.limit, use.reserved, use.spent) == (1.0, 0.0, 0.25)
