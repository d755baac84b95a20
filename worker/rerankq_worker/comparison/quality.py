"""Measures of retrieval by `ir-measures`, where documents are judged."""

from collections.abc import Mapping, Sequence
from typing import Final

from rerankq.errors import MissingExtra
from rerankq.extras import install
from rerankq_worker.upstream.agreement import best_first

NAMES: Final = ("nDCG@10", "RR@10", "R@10")
"""Normalised discounted cumulative gain, reciprocal rank of the first relevant document (its mean
is MRR), and recall."""


def require_measures() -> None:
    """Check that the measures can be had.

    Raises:
        MissingExtra: they are not installed.
    """
    try:
        import ir_measures  # noqa: F401, PLC0415  an extra brings it
    except ModuleNotFoundError:
        raise MissingExtra(
            f"judgements need measures of retrieval, which are not installed: {install('compare')}"
        ) from None


def quality(scores: Mapping[int, float], grades: Sequence[int]) -> Mapping[str, float]:
    """The measures of one ranking, by name; none if no document is relevant.

    Args:
        scores: by document.
        grades: of each document: how relevant it is, from 0.
    """
    if not any(grades):
        return {}
    import ir_measures  # noqa: PLC0415  an extra brings it

    judged = [ir_measures.Qrel("q", str(index), grade) for index, grade in enumerate(grades)]
    # By rank and not by score: the library orders equal scores by the names of documents.
    order = best_first(scores)
    ranked = [
        ir_measures.ScoredDoc("q", str(index), float(len(order) - rank))
        for rank, index in enumerate(order)
    ]
    measures = [ir_measures.parse_measure(name) for name in NAMES]
    found = {
        str(each.measure): each.value for each in ir_measures.iter_calc(measures, judged, ranked)
    }
    return {name: found[name] for name in NAMES}
