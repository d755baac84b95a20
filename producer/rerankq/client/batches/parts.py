"""What batches need of the client that they belong to."""

from dataclasses import dataclass

from rerankq.client.admissions import Admissions
from rerankq.client.handles import AsyncOwner
from rerankq.client.publishing import Publishing
from rerankq.client.waiting.why import Why
from rerankq.events import Events
from rerankq.ledger.batches import Batches
from rerankq.ledger.dead import DeadLetters
from rerankq.ledger.records import Records


@dataclass(frozen=True, slots=True)
class BatchParts:
    """The parts of one client.

    Attributes:
        owner: the client for the handles of jobs.
        batches: the ledger's batches.
        records: the ledger's jobs.
        dead: those that failed, with their requests.
        admissions: records jobs.
        publishing: publishes their hints.
        default_model: for jobs that name none.
        tenant: whose jobs they become.
        why: finds out why jobs wait.
        events: told what readers find.
    """

    owner: AsyncOwner
    batches: Batches
    records: Records
    dead: DeadLetters
    admissions: Admissions
    publishing: Publishing
    default_model: str
    tenant: str | None
    why: Why
    events: Events
