"""Finds out whether the quotas of a tenant, or its share, hold up its jobs."""

from contextlib import suppress
from typing import Final

from rerankq.client.waiting import reasons
from rerankq.contract import Lane, Tenant, TenantUse, WaitReason
from rerankq.errors import TenantNotFound
from rerankq.ledger.tenants import DAY_MS, Tenants
from rerankq.ledger.waiting import WaitingJobs

_DAY_SECONDS: Final = DAY_MS / 1000


class Quotas:
    """The quotas. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        tenants: all tenants.
        jobs: the jobs that wait.
    """

    def __init__(self, tenants: Tenants, jobs: WaitingJobs) -> None:
        self._tenants = tenants
        self._jobs = jobs

    async def of_queued(self, name: str, lane: Lane) -> list[WaitReason]:
        """What holds up the queued jobs of a tenant in a lane."""
        tenant, use = await self._known(name)
        if tenant.in_flight is not None and use.running >= tenant.in_flight:
            return [reasons.runs_all_it_may(name, use.running)]
        others = await self._jobs.sharing(lane, name)
        return [reasons.shares(lane, others)] if others > 0 else []

    async def of_filling(self, name: str) -> list[WaitReason]:
        """Why a tenant's batch cannot be filled now."""
        tenant, use = await self._known(name)
        if tenant.disabled:
            return [reasons.disabled(name)]
        if tenant.jobs_a_day is not None and use.jobs_today >= tenant.jobs_a_day:
            day = use.read_at // _DAY_SECONDS + 1
            until = day * _DAY_SECONDS
            return [reasons.submitted_all_it_may(name, use.jobs_today, until)]
        if tenant.queued is not None and use.queued >= tenant.queued:
            return [reasons.holds_all_it_may(name, use.queued)]
        if use.budget and use.budget.exhausted and tenant.budget:
            advice = f"`rerankq tenant set {name} --budget AMOUNT`"
            return [reasons.over_budget(f"the tenant {name}", use.budget, advice)]
        return []

    async def _known(self, name: str) -> tuple[Tenant, TenantUse]:
        tenant = Tenant(name=name)
        with suppress(TenantNotFound):  # one that was never set has no limits
            tenant = await self._tenants.get(name)
        return tenant, await self._tenants.use(name)
