"""How far two rankings of the same documents agree."""

from collections.abc import Mapping
from statistics import correlation
from typing import Final, NamedTuple

TOPS: Final = (1, 3, 10)
"""The lengths of the heads that are compared."""


Scores = Mapping[int, float]
"""By document: its score. A site that was asked for the best alone gives no others."""


class Agreement(NamedTuple):
    """What two rankings have in common.

    Attributes:
        overlap: by length of the head: the share of documents that both heads have, 0 to 1. Only
            the lengths that are shorter than the list: two whole lists are always the same.
        rank_correlation: Spearman's rho of the ranks, -1 to 1. Equal scores share a rank. None if
            a side has not scored all documents, or gives all of them the same score.
    """

    overlap: Mapping[int, float]
    rank_correlation: float | None


def agreement(one: Scores, other: Scores, *, documents: int) -> Agreement:
    """Compare two rankings of the same documents.

    Args:
        one: the scores of one side.
        other: the scores of the other.
        documents: how many documents both were asked about.
    """
    orders = best_first(one), best_first(other)
    scored = min(map(len, orders))
    overlap = {
        top: len({*orders[0][:top]} & {*orders[1][:top]}) / top
        for top in TOPS
        if top <= scored and top < documents
    }
    return Agreement(overlap, _rank_correlation(one, other) if scored == documents else None)


def best_first(scores: Scores) -> list[int]:
    """The documents, best first; equal scores in the order of the documents."""
    return sorted(scores, key=lambda index: (-scores[index], index))


def _rank_correlation(one: Scores, other: Scores) -> float | None:
    if len({*one.values()}) < 2 or len({*other.values()}) < 2:  # noqa: PLR2004  one score orders nothing
        return None
    return correlation(_ranks(one), _ranks(other))


def _ranks(scores: Scores) -> list[float]:
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
