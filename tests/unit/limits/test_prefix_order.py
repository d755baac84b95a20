"""Calls of one query go one after the other, but nobody waits for many of them."""

import asyncio
from collections.abc import Sequence

from rerankq_worker.limits.prefix_order import MOST_IN_A_ROW, PrefixOrder
from rerankq_worker.limits.waiter import Waiter


def order(queries: Sequence[str | None], *begun: str | None) -> list[str | None]:
    """The queries of the calls that wait, in the order of their turns after some have begun."""

    async def within() -> list[str | None]:
        def waiter(query: str | None) -> Waiter:
            return Waiter([], 0.0, retry=False, since=0.0, query=query)

        made = PrefixOrder()
        for query in begun:
            made.begins(waiter(query))
        return [str(each.query) for each in made.of(map(waiter, queries))]

    return asyncio.run(within())


def test_the_query_of_the_last_call_comes_first() -> None:
    """The others keep their order."""
    assert order(["b", "a", "c", "a"], "a") == ["a", "a", "b", "c"]
    assert order(["b", "a"], "a", "b") == ["b", "a"]


def test_without_a_query_it_is_the_order_of_waiting() -> None:
    """A call that does not tell its query is like any other."""
    assert order(["b", "a"]) == ["b", "a"]
    assert order(["b", "a"], None) == ["b", "a"]
    assert order(["None", "a"], None) == ["None", "a"]


def test_the_one_that_waited_longest_has_its_turn() -> None:
    """After so many calls of one query, and then they go on."""
    assert order(["b", "a"], *["a"] * (MOST_IN_A_ROW - 1)) == ["a", "b"]
    assert order(["b", "a"], *["a"] * MOST_IN_A_ROW) == ["b", "a"]
    assert order(["b", "a"], *["a"] * (MOST_IN_A_ROW + 1)) == ["a", "b"]
