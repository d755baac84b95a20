"""Budgets of batches and tenants: reserved at admission, settled at the end, never overspent."""

import random
from pathlib import Path

import pytest

from rerankq.contract import BatchOptions, BudgetUse, JobState
from rerankq.errors import InvalidRequest
from rerankq.ledger import outcomes
from rerankq.ledger.batches import Batches
from rerankq.ledger.intake import Admission, Verdict
from rerankq.ledger.leases import Finish, Lease, Postponement
from rerankq.ledger.tenants import Tenants
from rerankq.ledger.tokens import Tokens
from rerankq.ledger.usage import CallUsage, Usage
from running.ledger_desk import LedgerDesk, job, ranking

COST = 6
"""Estimated tokens of each job of these tests."""
SHORT = 0.2
PRICES = """
[[prices]]
model = "{model}"
currency = "CNY"
per_million_tokens = 500
as_of = 2026-12-01
source = "a test"
"""


def opened(desk: LedgerDesk, budget: str | None) -> str:
    return desk.run(desk.batches.open(BatchOptions(budget=budget)))


def budget_of(desk: LedgerDesk, batch: str) -> tuple[float, float]:
    """What is reserved and what is spent."""
    found = desk.run(desk.batches.status(batch)).budget
    assert found is not None
    return found.reserved, found.spent


def use_of(desk: LedgerDesk, tenant: str) -> BudgetUse:
    found = desk.run(tenants(desk).use(tenant)).budget
    assert found is not None
    return found


def tenants(desk: LedgerDesk) -> Tenants:
    return Tenants(desk.store, Tokens(desk.store))


def verdicts(admissions: list[Admission]) -> list[str]:
    return [each.quota or each.verdict for each in admissions]


def used(tokens: int, uncertain: int = 0) -> tuple[CallUsage, ...]:
    return (
        CallUsage(
            "s", "k", "m", Usage(calls=1, reported_tokens=tokens, uncertain_tokens=uncertain)
        ),
    )


def end(desk: LedgerDesk, lease: Lease, tokens: int) -> list[bool]:
    told = outcomes.success(ranking(lease.job_id).encode())
    finish = Finish(lease, 1, JobState.SUCCEEDED, told, usage=used(tokens))
    return desk.run(desk.leases().finish([finish]))


def test_a_batch_takes_no_more_than_its_budget(desk: LedgerDesk) -> None:
    """Each accepted job reserves its estimate; the first that does not fit in holds up the rest."""
    batch = opened(desk, str(3 * COST + 1))
    jobs = [job(name, batch_id=batch) for name in "abcde"]
    accepted = [*[Verdict.ACCEPTED] * 3, "batch_budget", "batch_budget"]
    assert verdicts(desk.submit(*jobs)) == accepted
    assert budget_of(desk, batch) == (3 * COST, 0)
    # A repeat after a lost answer reserves nothing again.
    assert verdicts(desk.submit(*jobs)) == accepted
    assert budget_of(desk, batch) == (3 * COST, 0)
    assert desk.run(desk.batches.status(batch)).total == 3


def test_a_cost_is_told_only_where_a_batch_has_a_budget(desk: LedgerDesk) -> None:
    """The estimate is made when the ledger asks for it, and from then on for jobs of that batch."""
    plain, bounded = opened(desk, None), opened(desk, "1000")
    assert verdicts(desk.submit(job("a", batch_id=plain), job("b", batch_id=bounded))) == (
        [Verdict.ACCEPTED] * 2
    )
    told = [
        desk.intake.prepare(job("c", batch_id=each)).head.get("cost") for each in (plain, bounded)
    ]
    assert told == [None, COST]
    assert budget_of(desk, bounded) == (COST, 0)


def test_what_calls_have_used_is_spent_and_the_rest_is_free(desk: LedgerDesk) -> None:
    """At its end a job costs what its calls have used, and lets others in; a repeat counts once."""
    batch = opened(desk, str(2 * COST))
    desk.submit(job("a", batch_id=batch), job("b", batch_id=batch))
    (lease,) = desk.claim("a")
    assert end(desk, lease, tokens=1) == [True]
    assert end(desk, lease, tokens=1) == [False]
    assert budget_of(desk, batch) == (COST, 1)
    assert verdicts(desk.submit(job("c", batch_id=batch))) == ["batch_budget"]
    (lease,) = desk.claim("b")
    end(desk, lease, tokens=COST - 2)
    assert verdicts(desk.submit(job("c", batch_id=batch))) == [Verdict.ACCEPTED]
    assert budget_of(desk, batch) == (COST, COST - 1)


def test_a_job_that_ends_without_a_call_costs_nothing(desk: LedgerDesk) -> None:
    """A cancelled one, an expired one, and one of a cancelled batch release what was reserved."""
    batch = opened(desk, "1000")
    expiring = job("late", batch_id=batch, deadline_seconds=0.01)
    desk.submit(job("a", batch_id=batch), job("b", batch_id=batch), expiring)
    desk.cancel("a")
    assert budget_of(desk, batch) == (2 * COST, 0)
    desk.run(desk.batches.cancel(batch))
    desk.run(desk.batches.cancel_portion(batch))
    assert budget_of(desk, batch) == (0, 0)


def test_a_call_that_nobody_tells_of_is_spent_as_estimated(desk: LedgerDesk) -> None:
    """It may have been paid for: of a worker that died, and of a job cancelled during its call."""
    batch = opened(desk, "1000")
    desk.submit(job("a", batch_id=batch), job("b", batch_id=batch))
    desk.claim("a", lease_seconds=SHORT)
    desk.let_run_out("a")
    desk.end_lease_grace()
    assert desk.sweep(lease_seconds=SHORT) == ["a"]
    assert budget_of(desk, batch) == (2 * COST, 0)
    (again,) = desk.claim("a")
    end(desk, again, tokens=5)
    assert budget_of(desk, batch) == (COST, COST + 5)
    desk.claim("b")
    desk.cancel("b")
    assert budget_of(desk, batch) == (0, 2 * COST + 5)


def test_retries_are_spent_too(desk: LedgerDesk) -> None:
    """What earlier calls may have cost is spent at the end of the job, whatever that is."""
    batch = opened(desk, "1000")
    lease = desk.claimed("a", batch_id=batch)
    desk.run(desk.leases().postpone([Postponement(lease, 1, 0, usage=used(0, uncertain=4))]))
    desk.sweep()
    (lease,) = desk.claim("a")
    end(desk, lease, tokens=5)
    assert budget_of(desk, batch) == (0, 9)


def test_raising_a_budget_lets_jobs_in(desk: LedgerDesk) -> None:
    """What was spent counts in the new budget; a lifted one lets all in; the unit stays."""
    batch = opened(desk, str(COST))
    desk.submit(job("a", batch_id=batch))
    assert verdicts(desk.submit(job("b", batch_id=batch))) == ["batch_budget"]
    found = desk.run(desk.batches.status(batch)).budget
    assert found is not None
    assert found.exhausted
    desk.run(desk.batches.set_budget(batch, str(2 * COST)))
    assert verdicts(desk.submit(job("b", batch_id=batch))) == [Verdict.ACCEPTED]
    assert verdicts(desk.submit(job("c", batch_id=batch))) == ["batch_budget"]
    desk.run(desk.batches.set_budget(batch, None))
    assert verdicts(desk.submit(job("c", batch_id=batch))) == [Verdict.ACCEPTED]
    with pytest.raises(InvalidRequest, match="in the unit in which the batch has spent"):
        desk.run(desk.batches.set_budget(batch, "10 USD"))


def test_a_tenant_has_one_budget_for_all_its_jobs(desk: LedgerDesk) -> None:
    """It counts jobs with and without a batch; other tenants and the operator are not concerned."""
    desk.run(tenants(desk).set("acme", budget=str(2 * COST), queued=100))
    assert desk.run(tenants(desk).get("acme")).budget == str(2 * COST)
    batch = desk.run(desk.batches.open(tenant="acme"))
    first = job("a", tenant="acme", batch_id=batch), job("b", tenant="acme")
    assert verdicts(desk.submit(*first)) == [Verdict.ACCEPTED] * 2
    others = job("c", tenant="acme"), job("d", tenant="other"), job("e")
    assert verdicts(desk.submit(*others)) == ["budget", Verdict.ACCEPTED, Verdict.ACCEPTED]
    (lease,) = desk.claim("a")
    end(desk, lease, tokens=2)
    assert use_of(desk, "acme") == BudgetUse(
        unit="tokens", limit=2 * COST, reserved=COST, spent=2, exhausted=True
    )
    desk.run(tenants(desk).set("acme", budget=str(3 * COST)))
    assert verdicts(desk.submit(job("c", tenant="acme"))) == [Verdict.ACCEPTED]
    with pytest.raises(InvalidRequest, match="must be in tokens"):
        desk.run(tenants(desk).set("acme", budget="1 USD"))
    desk.run(tenants(desk).set("acme"))
    assert verdicts(desk.submit(job("f", tenant="acme"))) == [Verdict.ACCEPTED]


def test_a_tenant_that_is_forgotten_begins_anew(desk: LedgerDesk) -> None:
    """What its open jobs had reserved before is not owed to it afterwards."""
    desk.run(tenants(desk).set("acme", budget="1000"))
    desk.submit(job("a", tenant="acme"), job("b", tenant="acme"))
    leases = desk.claim("a", "b")
    desk.run(tenants(desk).remove("acme"))
    desk.run(tenants(desk).set("acme", budget=str(COST)))
    for lease in leases:
        end(desk, lease, tokens=0)
    new = job("c", tenant="acme"), job("d", tenant="acme")
    assert verdicts(desk.submit(*new)) == [Verdict.ACCEPTED, "budget"]


def test_a_budget_in_money_is_spent_at_the_price_of_the_model(
    desk: LedgerDesk, tmp_path: Path
) -> None:
    """A model without a price in its currency does not enter; sums are exact."""
    path = tmp_path / "prices.toml"
    path.write_text(PRICES.format(model="qwen3-reranker-8b"))
    batches = Batches(desk.store, desk.retention, prices=path)
    batch = desk.run(batches.open(BatchOptions(budget="0.0065 CNY")))
    assert verdicts(desk.submit(job("a", batch_id=batch), job("b", batch_id=batch))) == [
        Verdict.ACCEPTED,
        Verdict.ACCEPTED,
    ]
    assert budget_of(desk, batch) == (0.006, 0)
    (lease,) = desk.claim("a")
    end(desk, lease, tokens=4)
    assert budget_of(desk, batch) == (0.003, 0.002)
    odd = job("c", batch_id=batch)
    odd = odd.model_copy(update={"request": odd.request.model_copy(update={"model": "odd"})})
    assert verdicts(desk.submit(odd)) == ["unpriced"]
    with pytest.raises(InvalidRequest, match="no model has a price by the token"):
        desk.run(batches.open(BatchOptions(budget="1 CHF")))


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_is_never_overspent(desk: LedgerDesk, seed: int) -> None:
    """Whatever ends in whatever order: all stays within it, and is free in the end."""
    chance = random.Random(seed)  # noqa: S311  chooses what happens
    batch = opened(desk, "100")
    held: list[Lease] = []
    for number in range(60):
        name = f"j{number}"
        (admission,) = desk.submit(job(name, batch_id=batch))
        if admission.verdict is Verdict.ACCEPTED:
            act = chance.choice(("claim", "cancel", "leave"))
            if act == "claim":
                held += desk.claim(name)
            elif act == "cancel":
                desk.cancel(name)
        if held and chance.random() < 0.5:
            end(desk, held.pop(chance.randrange(len(held))), tokens=chance.randint(0, COST))
        reserved, spent = budget_of(desk, batch)
        assert reserved + spent <= 100
    desk.run(desk.batches.cancel(batch))
    desk.run(desk.batches.cancel_portion(batch))
    reserved, spent = budget_of(desk, batch)
    assert (reserved, spent <= 100) == (0, True)
