"""What a file of jobs is made of."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from rerankq.contract import Job, RerankRequest
from rerankq.cost.duration import Pace
from rerankq.cost.pairs import PairTally
from rerankq.cost.plan import CallLimits, Plan, Planner
from rerankq.cost.prices import Price, Prices
from rerankq.cost.tokens import load

MORE: dict[str, Any] = {"currency": "USD", "as_of": date(2026, 12, 1), "source": "a test"}
PRICES = Prices(
    [
        Price(model="by-token", per_million_tokens=Decimal(2), **MORE),
        Price(model="by-search", per_search=Decimal("0.5"), documents_per_search=2, **MORE),
    ]
)


def planned(*jobs: Job, limits: CallLimits | None = None) -> Plan:
    with PairTally() as pairs:
        planner = Planner(limits or CallLimits(), PRICES, pairs)
        for each in jobs:
            planner.add(each)
        return planner.finish()


def job(query: str, *documents: str, model: str = "by-token", **fields: Any) -> Job:
    return Job(request=RerankRequest(model=model, query=query, documents=documents, **fields))


def test_a_document_that_repeats_in_its_job_is_paid_for_once() -> None:
    """Its tokens count once, as it is sent once."""
    plan = planned(job("q", "a b", "c", "a b"))
    assert (plan.documents, plan.repeated_in_job, plan.pairs) == (3, 1, 2)
    assert plan.tokens == load("q", ["a b", "c"])


def test_a_pair_that_an_earlier_job_has_is_counted() -> None:
    """Equal pairs have the same model, instruction, query and document."""
    first = job("q", "a", "b")
    others = [job("p", "a"), job("q", "a", model="x"), job("q", "a", instruction="i")]
    assert planned(first, *others).repeated_pairs == 0
    assert planned(first, *others, job("q", "b", "c", "a")).repeated_pairs == 2


def test_each_model_has_its_own_price() -> None:
    """Tokens or searches cost what the model's price says; an unknown one has no cost."""
    plan = planned(
        job("q", "a", "b", "c", model="by-search"),
        job("q", "word " * 1000),
        job("q", "a", model="unknown"),
    )
    costs = {name: share.cost for name, share in plan.models.items()}
    assert costs == {
        "by-search": Decimal("1.0"),
        "by-token": Decimal(2) * 1001 / 1_000_000,
        "unknown": None,
    }


@pytest.mark.parametrize(
    ("limits", "documents", "tokens", "calls"),
    [
        (CallLimits(), 10_000, 10**9, 1),
        (CallLimits(documents=32), 32, 10, 1),
        (CallLimits(documents=32), 33, 10, 2),
        (CallLimits(tokens=1000), 10, 2500, 3),
        (CallLimits(tokens=10), 2, 2500, 2),
        (CallLimits(documents=4, tokens=1000), 10, 1500, 3),
    ],
)
def test_a_job_beyond_the_limits_of_a_call_is_split(
    limits: CallLimits, documents: int, tokens: int, calls: int
) -> None:
    """It becomes as many calls as its documents or its tokens need, each with a document."""
    assert limits.calls(documents, tokens) == calls


def test_jobs_are_sorted_by_size() -> None:
    """Each job counts in the row of its power of two."""
    plan = planned(*(job("q", *["d"] * number) for number in (1, 2, 3, 4)))
    assert plan.documents_a_job == {1: 1, 2: 2, 3: 1}
    assert sum(plan.tokens_a_job.values()) == 4


def test_the_slowest_limit_decides() -> None:
    """Each known limit makes a least time; unknown ones make none."""
    assert Pace().seconds(calls=9, tokens=9) == {}
    assert Pace(concurrency=2).seconds(calls=9, tokens=9) == {}
    pace = Pace(rpm=60, tpm=600, concurrency=2, seconds_per_call=0.5)
    assert pace.seconds(calls=120, tokens=3000) == {"rpm": 120, "tpm": 300, "concurrency": 30}
