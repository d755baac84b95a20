"""The messages between producers, workers and clients: frozen and versioned.

Readers accept unknown fields of a newer minor version, and refuse another major version with an
error that names it. Bounds are part of the contract, so a job that was accepted once is accepted
everywhere. `rerankq schema` prints all of it as JSON Schema.

request         a query and its documents
job             a job, and the hint that names it
result          the ranking of a job
status          how a job stands
batch           how a batch is opened, how it stands, and why its jobs wait
budget          what jobs may cost together, and what they have cost
history         jobs in lists, and the timeline of one
file            an uploaded file
webhook         a URL that is told of ends
access          tokens, tenants and their quotas
long_documents  what is done with documents that a model cannot read whole
usage           what calls have used
lanes           names that all sides share: lanes, queues, states
bounds          how large each part of a message may be
message         the base classes of messages
"""

from typing import Final

from rerankq.contract.access import (
    NewToken,
    OnFailure,
    Principal,
    Scope,
    Tenant,
    TenantUse,
    Token,
)
from rerankq.contract.batch import (
    BatchOptions,
    BatchState,
    BatchStatus,
    Callback,
    Forecast,
    TenantName,
    WaitReason,
)
from rerankq.contract.bounds import (
    MAX_CALLBACKS,
    MAX_DEADLINE_SECONDS,
    MAX_DETAILS_BYTES,
    MAX_DOCUMENT_CHARACTERS,
    MAX_DOCUMENTS,
    MAX_HINT_JOBS,
    MAX_JOB_BYTES,
    MAX_KEPT_SECONDS,
    MAX_METADATA_ENTRIES,
    MAX_QUERY_CHARACTERS,
    MAX_TOP_N,
    MAX_UNIX_SECONDS,
)
from rerankq.contract.budget import BudgetUse
from rerankq.contract.file import FileRecord
from rerankq.contract.history import (
    AuditEntry,
    JobCall,
    JobFilter,
    JobPage,
    JobStep,
    JobSummary,
    JobTimeline,
)
from rerankq.contract.job import BatchId, Hint, Job, Label, new_job_id
from rerankq.contract.lanes import TASK_NAME, JobState, Lane
from rerankq.contract.long_documents import LongDocument, LongDocuments, PassageOf
from rerankq.contract.message import CONTRACT_VERSION, Message, Versioned
from rerankq.contract.request import DEFAULT_MODEL, Document, RerankRequest
from rerankq.contract.result import RankedDocument, RerankResult, Timings, Usage
from rerankq.contract.status import BatchProgress, JobError, JobStatus
from rerankq.contract.usage import UsageBy, UsageCounts, UsageReport, UsageRow
from rerankq.contract.webhook import (
    Disabled,
    NewWebhook,
    TryOutcome,
    Webhook,
    WebhookEvent,
    WebhookTry,
)

MESSAGES: Final[tuple[type[Message], ...]] = (
    RerankRequest,
    Job,
    Hint,
    RerankResult,
    JobStatus,
    BatchProgress,
    BatchOptions,
    BatchStatus,
    Forecast,
)
"""The messages whose schema producers in other languages may need."""

__all__ = [
    "CONTRACT_VERSION",
    "DEFAULT_MODEL",
    "MAX_CALLBACKS",
    "MAX_DEADLINE_SECONDS",
    "MAX_DETAILS_BYTES",
    "MAX_DOCUMENTS",
    "MAX_DOCUMENT_CHARACTERS",
    "MAX_HINT_JOBS",
    "MAX_JOB_BYTES",
    "MAX_KEPT_SECONDS",
    "MAX_METADATA_ENTRIES",
    "MAX_QUERY_CHARACTERS",
    "MAX_TOP_N",
    "MAX_UNIX_SECONDS",
    "MESSAGES",
    "TASK_NAME",
    "AuditEntry",
    "BatchId",
    "BatchOptions",
    "BatchProgress",
    "BatchState",
    "BatchStatus",
    "BudgetUse",
    "Callback",
    "Disabled",
    "Document",
    "FileRecord",
    "Forecast",
    "Hint",
    "Job",
    "JobCall",
    "JobError",
    "JobFilter",
    "JobPage",
    "JobState",
    "JobStatus",
    "JobStep",
    "JobSummary",
    "JobTimeline",
    "Label",
    "Lane",
    "LongDocument",
    "LongDocuments",
    "Message",
    "NewToken",
    "NewWebhook",
    "OnFailure",
    "PassageOf",
    "Principal",
    "RankedDocument",
    "RerankRequest",
    "RerankResult",
    "Scope",
    "Tenant",
    "TenantName",
    "TenantUse",
    "Timings",
    "Token",
    "TryOutcome",
    "Usage",
    "UsageBy",
    "UsageCounts",
    "UsageReport",
    "UsageRow",
    "Versioned",
    "WaitReason",
    "Webhook",
    "WebhookEvent",
    "WebhookTry",
    "new_job_id",
]
