"""A plan as one JSON object, for scripts."""

from collections import Counter
from typing import Any

import orjson

from rerankq.cli.plan.report import Timing
from rerankq.cost.plan import ModelPlan, Plan


def figures(plan: Plan, timing: Timing) -> bytes:
    """The plan. Money is text, because a decimal fraction is exact only so."""
    return orjson.dumps(
        {
            "jobs": plan.jobs,
            "bad_lines": plan.bad_lines,
            "documents": plan.documents,
            "repeated_in_job": plan.repeated_in_job,
            "pairs": plan.pairs,
            "repeated_pairs": plan.repeated_pairs,
            "reusable_tokens": plan.reusable,
            "tokens": plan.tokens,
            "tokens_error": round(plan.error),
            "calls": plan.calls,
            "models": {name: _model(each) for name, each in plan.models.items()},
            "seconds": timing.seconds,
            "seconds_by_limit": timing.by_limit,
            "limits_found_by_workers": timing.found,
            "tokens_a_job": _histogram(plan.tokens_a_job),
            "documents_a_job": _histogram(plan.documents_a_job),
        }
    )


def _model(share: ModelPlan) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "jobs": share.jobs,
        "calls": share.calls,
        "tokens": share.tokens,
        "estimated_tokens": share.estimated,
        "counted_jobs": share.counted.jobs if share.counted else 0,
        "cost": None,
        "currency": None,
    }
    if share.price:
        shown |= {
            "cost": str(share.cost),
            "currency": share.price.currency,
            "price_as_of": share.price.as_of.isoformat(),
            "price_source": share.price.source,
        }
    return shown


def _histogram(jobs: Counter[int]) -> list[dict[str, int]]:
    """Jobs by powers of two: `from` is the smallest size of the row."""
    return [{"from": 1 << (bits - 1) if bits else 0, "jobs": jobs[bits]} for bits in sorted(jobs)]
