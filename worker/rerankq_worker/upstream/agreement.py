"""How far two rankings of the same documents agree."""

from collections.abc import Mapping, Sequence
from statistics import correlation
from typing import Final, NamedTuple

TOPS: Final = (1, 3, 10)
"""The lengths of the heads that are compared."""


class Agreement(NamedTuple):
    """What two rankings have in common.

    Attributes:
        overlap: by length of the head: the share of documents that both heads have, 0 to 1. Only
            the lengths that are shorter than the list: two whole lists are always the same.
        rank_correlation: Spearman's rho of the ranks, -1 to 1. Equal scores share a rank. None if
            there are fewer than two documents, or one side gives all of them the same score.
    """

    overlap: Mapping[int, float]
    rank_correlation: float | None


def agreement(one: Sequence[float], other: Sequence[float]) -> Agreement:
    """Compare two rankings, each given as the scores of the documents in the same order."""
    orders = best_first(one), best_first(other)
    overlap = {
        top: len({*orders[0][:top]} & {*orders[1][:top]}) / top for top in TOPS if top < len(one)
    }
    return Agreement(overlap, _rank_correlation(one, other))


def best_first(scores: Sequence[float]) -> list[int]:
    """The documents' indices, best first; equal scores in the order of the documents."""
    return sorted(range(len(scores)), key=lambda index: -scores[index])


def _rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    if len({*one}) < 2 or len({*other}) < 2:  # noqa: PLR2004  one score alone orders nothing
        return None
    return correlation(_ranks(one), _ranks(other))


def _ranks(scores: Sequence[float]) -> list[float]:
    """The rank of each document from 0; documents with the same score get their mean rank."""
    ranks = [0.0] * len(scores)
    order = best_first(scores)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and scores[order[end]] == scores[order[begin]]:
            end += 1
        for index in order[begin:end]:
            ranks[index] = (begin + end - 1) / 2
        begin = end
    return ranks
