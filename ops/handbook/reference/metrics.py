"""The catalogue of metrics."""

from handbook import markdown
from handbook.place import Language
from rerankq.monitoring.metrics.catalogue import CATALOGUE, Described, Kind


def made(language: Language) -> str:  # noqa: ARG001  meanings are in English
    """A table of all metrics, and one of the buckets of the histograms."""
    rows = [(f"`{each.name}`", each.kind, _labels(each), each.meaning) for each in CATALOGUE]
    buckets = [
        (f"`{each.name}`", ", ".join(f"{bound:g}" for bound in each.buckets))
        for each in CATALOGUE
        if each.kind is Kind.HISTOGRAM
    ]
    return "\n".join(
        [
            markdown.table(("Name", "Kind", "Labels", "Meaning"), rows),
            "## Buckets\n",
            "A histogram `X` is stored as `X_bucket`, `X_count` and `X_sum`. Bounds in seconds:\n",
            markdown.table(("Name", "Upper bounds"), buckets),
        ]
    )


def _labels(metric: Described) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels)
