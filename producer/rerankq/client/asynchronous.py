"""`AsyncRerankClient`: submit, wait, ask, cancel. The blocking client runs this one."""

from dataclasses import replace
from functools import partial
from typing import Self

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.broker.quarantine import Quarantine
from rerankq.client.admissions import Admissions
from rerankq.client.arrivals import Arrivals
from rerankq.client.batches.opening import AsyncBatchOpener
from rerankq.client.batches.parts import BatchParts
from rerankq.client.calls import Calls
from rerankq.client.drafts import (
    checked_id,
    checked_tenant,
)
from rerankq.client.handles import AsyncJobHandle
from rerankq.client.job_lists import AsyncJobLists
from rerankq.client.operations import Operations
from rerankq.client.operators_only import refuse
from rerankq.client.publishing import Publishing
from rerankq.client.replaying import Replaying
from rerankq.client.submitting import AsyncSubmitter
from rerankq.client.uncopied import HoldsConnections
from rerankq.client.upstream import Upstream
from rerankq.client.usage import AsyncUsage
from rerankq.client.waiting.forecasts import Forecasts
from rerankq.client.waiting.quotas import Quotas
from rerankq.client.waiting.why import Why
from rerankq.contract import JobState, JobStatus, WaitReason
from rerankq.errors import ClientClosed, InvalidRequest
from rerankq.events import Events, JobCancelled, JobRef
from rerankq.history.audit import AuditTrail
from rerankq.ledger.batches import Batches
from rerankq.ledger.dead import DeadLetters
from rerankq.ledger.delays import Delays
from rerankq.ledger.files import Files
from rerankq.ledger.imports import Imports
from rerankq.ledger.intake import Intake
from rerankq.ledger.lane_readings import LaneReadings
from rerankq.ledger.outbox import Outbox
from rerankq.ledger.ownership import Ownership
from rerankq.ledger.presence import Presence
from rerankq.ledger.records import Records
from rerankq.ledger.sessions import Sessions
from rerankq.ledger.tenants import Tenants
from rerankq.ledger.tokens import Tokens
from rerankq.ledger.waiting import WaitingJobs
from rerankq.ledger.webhooks import Webhooks
from rerankq.settings import ClientSettings
from rerankq.store.first_contact import FIRST_CONTACT, FIRST_PROMISE
from rerankq.store.per_loop import PerLoop
from rerankq.store.store import Retention, Store


class AsyncRerankClient(
    HoldsConnections, AsyncSubmitter, AsyncBatchOpener, AsyncJobLists, AsyncUsage
):
    """Submits rerank jobs and returns their results. Any number of calls can run at once.

    It may be used in several event loops: in each it has its own connections, which end with the
    loop. After a fork it may be used in the child, in a new loop.

    Args:
        redis_url: the ledger's Redis; `RERANKQ_REDIS_URL` when None.
        namespace: what its keys begin with there; `RERANKQ_NAMESPACE` when None.
        settings: all settings at once, in place of the environment.
        events: told what this client does with jobs; None makes new ones.

    Attributes:
        settings: the settings in use.
        operations: for operators of the service.
        tokens: who may use the service over HTTP.
        sessions: who has signed in to the gateway's console.
        tenants: the users of one service, their quotas and weights.
        files: what is known of the files that were uploaded to gateways.
        imports: batches that gateways fill from such files.
        webhooks: URLs that are told of ends.
        audit: what operators did.
        outbox: what they, and Celery tasks, have yet to be told, for those who send it.

    Raises:
        SettingsError: a setting is wrong.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        namespace: str | None = None,
        settings: ClientSettings | None = None,
        events: Events | None = None,
    ) -> None:
        self.events = events or Events()
        self.settings = settings or ClientSettings.load(redis_url=redis_url, namespace=namespace)
        self._store = Store(
            self.settings.redis_url,
            self.settings.namespace,
            concern=self.settings.write_concern,
        )
        depth = self.settings.max_queue_depth
        self._publishing = Publishing(self.settings.redis_url, self.settings.namespace)
        self._admissions = Admissions(
            Intake(self._store, max_queue_depth=depth),
            self._publishing,
            max_queue_depth=depth,
            events=self.events,
        )
        accounts, breakers = Accounts(self._store), SharedBreakers(self._store)
        presence = Presence(self._store)
        retention = Retention(self.settings.result_ttl, self.settings.dead_ttl)
        self._records = Records(self._store, retention, self.events)
        waiting = WaitingJobs(self._store)
        self._forecasts = PerLoop(partial(Forecasts, accounts, presence, waiting), Forecasts.close)
        self.tokens = Tokens(self._store, events=self.events)
        self.sessions = Sessions(self._store, self.tokens)
        self.tenants = Tenants(self._store, self.tokens, prices=self.settings.prices)
        batches = Batches(
            self._store,
            retention,
            kept_seconds=self.settings.batch_ttl,
            events=self.events,
            prices=self.settings.prices,
        )
        dead, delays = DeadLetters(self._store), Delays(self._store)
        self._arrivals = Arrivals(self._store, self._records)
        self._calls = Calls(self._admissions, self._arrivals, self._records)
        self._batch_parts = BatchParts(
            owner=self,
            batches=batches,
            records=self._records,
            dead=dead,
            admissions=self._admissions,
            publishing=self._publishing,
            default_model=self.settings.model,
            tenant=None,
            why=Why(
                waiting,
                self._records,
                accounts,
                breakers,
                presence,
                batches,
                Quotas(self.tenants, waiting),
                max_queue_depth=depth,
            ),
            events=self.events,
        )
        self.operations = Operations(
            dead=dead,
            replays=self._admissions,
            quarantine=Quarantine(self._store),
            accounts=accounts,
            breakers=breakers,
            delays=delays,
            presence=presence,
            lanes=LaneReadings(self._store),
            upstream=Upstream(accounts, breakers, delays),
            replaying=Replaying(dead, self._admissions),
        )
        self.files = Files(self._store)
        self.imports = Imports(self._store)
        self.webhooks = Webhooks(self._store)
        self.outbox = Outbox(self._store)
        self.audit = AuditTrail(self._store, self.events)
        self._ownership = Ownership(self._store, None)
        self._is_view = False
        self._closed = False
        self._entered = 0
        if self.settings.tenant is not None:
            self._act_for(self.settings.tenant)

    async def __aenter__(self) -> Self:
        if self._closed:
            raise ClientClosed
        self._entered += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered -= 1
        if self._entered <= 0:
            await self.close()

    @property
    def tenant(self) -> str | None:
        """Whose jobs and batches this client sees and makes; None for all."""
        return self._ownership.tenant

    def for_tenant(self, tenant: str | None) -> "AsyncRerankClient":
        """A client that sees and makes only what is a tenant's, by the connections of this one.

        To it, what is another's does not exist. It has nothing that is for operators. Closing it
        does nothing: it ends with this client.

        Args:
            tenant: its name, 1 to 64 letters, digits and `_ . -`; None for this client itself.

        Raises:
            InvalidRequest: no tenant can have that name, or this is another tenant's client.
        """
        if checked_tenant(tenant) in (None, self.tenant):
            return self
        if self.tenant is not None:
            raise InvalidRequest("tenant", "is another than the client's")
        view = object.__new__(AsyncRerankClient)
        vars(view).update(vars(self), _is_view=True)
        view._act_for(tenant)
        return view

    def _act_for(self, tenant: str | None) -> None:
        """From now on see and make only what is a tenant's."""
        ownership = Ownership(self._store, tenant)
        refuse(self)
        self.files = self.files.for_tenant(tenant)
        self.webhooks = self.webhooks.for_tenant(tenant)
        self.audit = self.audit.for_tenant(tenant)
        self._ownership = ownership
        self._batch_parts = replace(
            self._batch_parts,
            owner=self,
            batches=self._batch_parts.batches.of(ownership),
            tenant=tenant,
        )

    async def close(self) -> None:
        """End all waits with ClientClosed, let other calls end, close connections and thread."""
        if self._is_view:
            return  # the connections are those of the client that this one was made by
        self._closed = True
        await self._arrivals.close()
        await self._calls.close()
        await self._forecasts.close()
        await self._admissions.close()
        await self._store.close()
        await self._publishing.close()

    async def check(self, *, promises: bool = False) -> None:
        """Return if Redis answers and lets this client write.

        Args:
            promises: also wait as a submit does, for disk or replicas (`RERANKQ_DURABILITY`).

        Raises:
            LedgerUnavailable: it does not.
        """
        await self._store.run(FIRST_PROMISE() if promises else FIRST_CONTACT())

    async def get(self, job_id: str) -> AsyncJobHandle:
        """A handle for a job that was accepted earlier, also by another process.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        await self.status(job_id)
        return AsyncJobHandle(self, job_id)

    async def status(self, job_id: str) -> JobStatus:
        """The status of a job.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        await self._ownership.check(checked_id(job_id))
        return await self._records.status(job_id)

    async def why(self, job_id: str | None = None) -> tuple[WaitReason, ...]:
        """Why a job has not ended, the most important reason first; empty while it runs or has.

        Without an id: what holds up jobs of any kind, such as an account that is out of use.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        if job_id is not None:
            await self._ownership.check(checked_id(job_id))
        return await super().why(job_id)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job in any state; returns the state it was in. An end stays as it is.

        A second try after a lost answer returns `cancelled`.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        await self._ownership.check(checked_id(job_id))
        was = await self._records.cancel(job_id)
        if not was.ended and JobCancelled in self.events.wanted:
            self.events.tell(JobCancelled(job=JobRef(job_id), was=was))
        return was
