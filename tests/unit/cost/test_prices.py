"""The table of prices."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from rerankq.cost.prices import Price, Prices
from rerankq.errors import SettingsError

ENTRY = """
[[prices]]
model = "mine"
currency = "CNY"
per_million_tokens = 0.28
as_of = 2026-12-01
source = "https://example.com/pricing"
"""


def file_with(text: str, folder: Path) -> Path:
    path = folder / "prices.toml"
    path.write_text(text)
    return path


def test_each_price_of_the_package_says_when_and_where() -> None:
    """Every price that comes with the package has its day, which is past, and its page."""
    prices = list(Prices.load(None))
    assert prices
    for price in prices:
        assert date(2026, 1, 1) <= price.as_of <= date(2026, 12, 31)
        assert price.source.startswith("https://")


def test_a_model_without_a_price_is_unknown() -> None:
    """A model that no table has gets no price."""
    assert Prices.load(None).of("qwen3-reranker-8b") is None


def test_a_users_prices_come_first(tmp_path: Path) -> None:
    """A user's price replaces that of the package for the same model; the others stay."""
    path = file_with(ENTRY + ENTRY.replace('"mine"', '"rerank-2.5"'), tmp_path)
    prices = Prices.load(path)
    assert prices.of("mine") == prices.of("rerank-2.5").model_copy(update={"model": "mine"})  # type: ignore[union-attr]
    assert prices.of("rerank-2.5-lite") is not None


def test_money_is_exact(tmp_path: Path) -> None:
    """A price is the decimal fraction that is written, and so is what it makes of tokens."""
    price = Prices.load(file_with(ENTRY, tmp_path)).of("mine")
    assert price is not None
    assert price.cost(tokens=3_000_000, searches=1) == Decimal("0.84")


def test_searches_have_a_price_of_their_own() -> None:
    """A model that is billed by the search costs a search for each so many documents."""
    price = Price(
        model="m",
        currency="USD",
        per_search=Decimal("0.002"),
        documents_per_search=100,
        as_of=date(2026, 12, 1),
        source="https://example.com",
    )
    assert [price.searches(each) for each in (1, 100, 101)] == [1, 1, 2]
    assert price.cost(tokens=10**9, searches=2) == Decimal("0.004")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices = [", "is no TOML"),
        ("", "prices: is required"),
        (ENTRY + ENTRY, "mine has two prices: keep one"),
        (ENTRY.replace("0.28", "-1"), "prices.0.per_million_tokens: must be 0 or more"),
        (ENTRY.replace('"CNY"', '"yuan"'), "prices.0.currency: must be three capital letters"),
        (ENTRY.replace("as_of = 2026-12-01\n", ""), "prices.0.as_of: is required"),
        (ENTRY + "per_search = 1\n", "needs either per_million_tokens or per_search"),
        (ENTRY + "documents_per_search = 9\n", "documents_per_search belongs to per_search"),
        (ENTRY + "secret = 1\n", "prices.0.secret: "),
        ("a = " + "[" * 2000, "nested too deeply"),
    ],
)
def test_a_wrong_file_is_refused_by_its_place(text: str, said: str, tmp_path: Path) -> None:
    """What is wrong in a user's file is said with the setting, the file and the place."""
    path = file_with(text, tmp_path)
    with pytest.raises(SettingsError, match="RERANKQ_PRICES") as refused:
        Prices.load(path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A file that cannot be read is an error with its name."""
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        Prices.load(tmp_path / "none.toml")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """A file over 1 MiB is no price table."""
    with pytest.raises(SettingsError, match="is over"):
        Prices.load(file_with("#" * (1024 * 1024 + 1), tmp_path))
