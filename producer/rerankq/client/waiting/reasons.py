"""Why jobs wait: each reason with its code, and a sentence for whoever waits."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import BreakerState, TrippedBreaker
from rerankq.accounts.scripts import NONSENSE_SCORES
from rerankq.contract import BudgetUse, Lane, WaitReason
from rerankq.contract.batch import WaitCode

LONG_WAIT_MS: Final = 10_000
"""A shorter pause of an account is not told: it would be over before the user has read of it."""
ADVICE: Final = "jobs wait meanwhile; see `rerankq upstream status`"
IMPORTANCE: Final[tuple[WaitCode, ...]] = (
    *("paused", "not_before", "cheap_hours", "no_worker", "breaker_open", "throttled"),
    *("key_parked", "model_parked", "budget", "quota", "retry", "lane_full", "behind"),
    "batch_open",
)
"""The codes, the most important first: one that nothing but an act or a time ends comes early."""
_PARKED: Final[Mapping[str, WaitCode]] = {"key": "key_parked", "model": "model_parked"}


def in_order(reasons: Iterable[WaitReason]) -> tuple[WaitReason, ...]:
    """The same reasons, the most important first."""
    return tuple(sorted(reasons, key=lambda each: IMPORTANCE.index(each.code)))


def of_upstream(
    accounts: Mapping[str, Allotment], tripped: Mapping[str, TrippedBreaker]
) -> list[WaitReason]:
    """A reason for each account, key and model that is out of use and that jobs wait for.

    Args:
        accounts: the accounts, by name.
        tripped: the open breakers that workers use, by name.
    """
    breakers = [
        _parked(name, each)
        for name, each in tripped.items()
        if each.state is not BreakerState.DOUBTED
    ]
    found = [_of_account(name, each) for name, each in accounts.items()]
    return breakers + [each for each in found if each]


def _parked(name: str, breaker: TrippedBreaker) -> WaitReason:
    kind, _, rest = name.partition(" ")
    # The other codes tell no more than their reasons.
    named = f"{breaker.code}: " if breaker.code == NONSENSE_SCORES else ""
    message = f"{name} is {breaker.state} ({named}{breaker.reason}): {ADVICE}"
    code = _PARKED.get(kind)
    if code is None:
        return WaitReason(code="breaker_open", message=message, account=rest or name)
    return WaitReason(code=code, message=message, account=name)


def _of_account(name: str, account: Allotment) -> WaitReason | None:
    """Why jobs wait for an account; None when they do not, or no worker uses it any more."""
    if account.cut_off:
        named = ", ".join(f"{each} ({why})" for each, why in account.cut_off.items())
        message = f"other workers can reach the upstream {name}, but not {named}"
        return WaitReason(code="breaker_open", message=message, account=name)
    if not account.in_use:
        return None
    cause = f" ({account.cause})" if account.cause else ""
    if account.mode == "broken":
        message = f"the upstream {name} fails{cause}, and is probed until it works: {ADVICE}"
        return WaitReason(code="breaker_open", message=message, account=name)
    until = (account.now + account.wait_ms) / 1000
    if account.wait_ms >= LONG_WAIT_MS:
        message = f"the account {name} is throttled until {clock_time(until)}{cause}: {ADVICE}"
        return WaitReason(code="throttled", message=message, until=until, account=name)
    if account.mode == "throttled":
        message = f"the account {name} is throttled{cause}, and is probed every few seconds"
        return WaitReason(code="throttled", message=message, account=name)
    return None


def no_worker(lanes: Iterable[Lane], seconds: float) -> WaitReason:
    """No worker serves these lanes."""
    named = " and ".join(f"the lane {each}" for each in lanes)
    message = f"no worker has served {named} for {seconds:g} seconds: start `rerankq worker`"
    return WaitReason(code="no_worker", message=message)


def held(batch_id: str) -> WaitReason:
    """The batch is paused."""
    message = f"{batch_id} is paused: `rerankq batch resume {batch_id}` lets its jobs go on"
    return WaitReason(code="paused", message=message)


def not_before(until: float, jobs: int = 1) -> WaitReason:
    """So many jobs are to run later; `until`: the first of them."""
    message = f"{_some(jobs)} not to run before {clock_time(until)}, as asked for"
    return WaitReason(code="not_before", message=message, until=until)


def retry(until: float, failure: str, jobs: int = 1) -> WaitReason:
    """So many jobs wait to be tried again; `until`: when the first is, `failure`: its last."""
    first = "" if jobs == 1 else ", the first"
    message = f"{_some(jobs)} tried again{first} at {clock_time(until)}: {failure}"
    return WaitReason(code="retry", message=message, until=until)


def cheap_hours(until: float, message: str, jobs: int = 1) -> WaitReason:
    """So many jobs wait for hours in which they cost less; `until`: the first of them."""
    waits = "the job waits" if jobs == 1 else f"{jobs} jobs wait"
    told = f"{waits} until {clock_time(until)}, to cost less: {message}"
    return WaitReason(code="cheap_hours", message=told, until=until)


def behind(jobs: int, lane: Lane) -> WaitReason:
    """So many jobs of its lane come before it."""
    noun = "job comes" if jobs == 1 else "jobs come"
    return WaitReason(
        code="behind", message=f"{jobs} other {noun} first in the lane {lane}", jobs_ahead=jobs
    )


def lane_full(lane: Lane, most: int) -> WaitReason:
    """The lane takes no more jobs of a batch that is being filled."""
    message = (
        f"the lane {lane} holds {most} jobs (RERANKQ_MAX_QUEUE_DEPTH): the rest of the batch is "
        "added as they end"
    )
    return WaitReason(code="lane_full", message=message)


def runs_all_it_may(tenant: str, jobs: int) -> WaitReason:
    """Its tenant runs as many jobs as it may."""
    message = f"the tenant {tenant} runs {jobs} at once, as many as it may (its quota in-flight)"
    return WaitReason(code="quota", message=message)


def shares(lane: Lane, others: int) -> WaitReason:
    """Jobs of so many other tenants wait in its lane."""
    noun = "another tenant waits" if others == 1 else f"{others} other tenants wait"
    return WaitReason(
        code="quota", message=f"{noun} in the lane {lane}: tenants are served in turn"
    )


def holds_all_it_may(tenant: str, jobs: int) -> WaitReason:
    """Its tenant has as many unfinished jobs as it may, so a batch cannot be filled."""
    message = (
        f"the tenant {tenant} has {jobs} jobs that have not ended, as many as it may (its quota "
        "queued): the rest of the batch is added as they end"
    )
    return WaitReason(code="quota", message=message)


def over_budget(whose: str, budget: BudgetUse, advice: str) -> WaitReason:
    """The jobs of a batch or a tenant would cost more than they may together."""
    limit = 0.0 if budget.limit is None else budget.limit
    message = (
        f"{whose} has spent {budget.spent:,.6g} {budget.unit} of its budget of {limit:,.6g}, and "
        f"{budget.reserved:,.6g} are reserved for jobs that have not ended: the next job is added "
        f"when it fits in, or when the budget is raised ({advice})"
    )
    return WaitReason(code="budget", message=message)


def submitted_all_it_may(tenant: str, jobs: int, until: float) -> WaitReason:
    """Its tenant has submitted as many jobs today as it may, so a batch cannot be filled."""
    message = (
        f"the tenant {tenant} has submitted {jobs} jobs today, as many as it may (its quota "
        f"jobs-a-day), and may go on at {clock_time(until)}"
    )
    return WaitReason(code="quota", message=message, until=until)


def disabled(tenant: str) -> WaitReason:
    """Its tenant may submit nothing, so a batch cannot be filled."""
    message = f"the tenant {tenant} is disabled: `rerankq tenant set {tenant} --enable` ends that"
    return WaitReason(code="quota", message=message)


def batch_open(total: int) -> WaitReason:
    """All entries have ended, but more may be added."""
    message = f"all {total} entries have ended; more may be added until the batch is sealed"
    return WaitReason(code="batch_open", message=message)


def clock_time(seconds: float) -> str:
    """A time of today as a person reads it here, another with its date."""
    then = datetime.fromtimestamp(seconds).astimezone()
    is_today = then.date() == datetime.now().astimezone().date()
    return f"{then:%H:%M:%S}" if is_today else then.isoformat(" ", "minutes")


def _some(jobs: int) -> str:
    return "the job is" if jobs == 1 else f"{jobs} jobs are"
