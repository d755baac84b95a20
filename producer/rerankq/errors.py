"""Every error that a user of rerankq can meet.

    RerankqError
    ├── SettingsError             a setting is missing, wrong or unknown
    ├── MissingExtra              this needs a part of rerankq that is not installed
    ├── InvalidRequest            a job, a line or a message breaks the contract
    │   └── UnsupportedVersion    written under another major version of the contract
    ├── LedgerUnavailable         Redis cannot be reached, refuses, or does not answer
    │   └── LedgerRefusal         Redis refuses a command, and would refuse it again
    ├── QueueFull                 the lane holds as many jobs as it may
    │   └── QuotaExceeded         the tenant has used up one of its quotas
    │       └── BudgetExceeded    its jobs, or those of the batch, would cost more than they may
    ├── IdempotencyConflict       the idempotency key belongs to another request
    ├── JobNotFound               no job has this id
    ├── BatchNotFound             no batch has this id
    ├── BatchClosed               the batch takes no more jobs
    ├── BatchAbandoned            the batch was never sealed, and nobody adds to it any more
    ├── UnknownFile               no file has this id
    ├── WebhookNotFound           no webhook has this id
    ├── TenantNotFound            no tenant has this name
    ├── TokenNotFound             no token has this id
    ├── ResultExpired             the job ended, but its result is past its retention
    ├── ResultTimeout             the job has not ended yet (also a TimeoutError)
    ├── ClientClosed              the client was closed, before or during the call (a RuntimeError)
    ├── DetachedHandle            the handle came from another process and has no client
    └── JobEnded                  the job ended without a ranking
        ├── JobFailed             the upstream refused it, or its attempts ran out
        ├── JobCancelled          somebody cancelled it
        └── JobExpired            its deadline passed before it ended

Each message says what happened and what to do. None holds a query, a document
or a key. `code` is the stable name of the kind, for scripts.
"""

from typing import ClassVar


class RerankqError(Exception):
    """Root of the tree: catch this to catch everything that rerankq raises."""

    code: ClassVar[str] = "error"


class SettingsError(RerankqError):
    """A setting is missing, wrong or unknown; the message names it."""

    code = "invalid_settings"


class MissingExtra(RerankqError):
    """A command or part needs an extra of the package that is not installed."""

    code = "missing_extra"


class InvalidRequest(RerankqError):
    """Something breaks the contract.

    Attributes:
        field: dotted path of the offending field, such as `documents.3.text`; empty for the whole.
        reason: what is wrong with it, without its value.
    """

    code = "invalid_request"

    def __init__(self, field: str, reason: str) -> None:
        # The arguments as given, so that the error can be pickled.
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


class UnsupportedVersion(InvalidRequest):
    """A message was written under another major version of the contract."""

    code = "unsupported_version"


class LedgerUnavailable(RerankqError):
    """Redis cannot be reached, refuses the command, or does not answer in time.

    After a submit this is the one uncertain case: the job may or may not be
    recorded. Submitting again with the same job id or idempotency key is safe.

    Attributes:
        uncertain: whether Redis may have carried the call out.
        lasting: whether it lasts until the address or the server's set-up is changed.
        job_id: after a submit, the id of the job, if it was recorded.
        job_ids: in a stream, the ids of the drafts that were being recorded, in their order.
        position: position of the first of these drafts. Those before it were accepted, and their
            handles were given; those after them were not submitted.
    """

    code = "ledger_unavailable"

    def __init__(
        self,
        message: str,
        *,
        uncertain: bool = False,
        lasting: bool = False,
        job_id: str | None = None,
        job_ids: tuple[str, ...] = (),
        position: int = 0,
    ) -> None:
        super().__init__(message)
        self.uncertain = uncertain
        self.lasting = lasting
        self.job_id = job_id
        self.job_ids = job_ids
        self.position = position


class LedgerRefusal(LedgerUnavailable):
    """Redis would always refuse the command: it is wrong, or a key holds a wrong value."""

    code = "ledger_refusal"


class QueueFull(RerankqError):
    """The lane holds as many unfinished jobs as `RERANKQ_MAX_QUEUE_DEPTH` allows.

    Attributes:
        position: in a stream, the position of the first draft that was refused. Those before it
            are done; submit again from here.
    """

    code = "queue_full"

    def __init__(self, message: str, *, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class QuotaExceeded(QueueFull):
    """The tenant has used up one of its quotas; its other jobs go on.

    Attributes:
        quota: which: `requests`, `tokens`, `queued` or `day`.
        retry_after: seconds until the same job would be taken; None when it is not known.
    """

    code = "quota_exceeded"

    def __init__(
        self,
        message: str,
        *,
        quota: str = "",
        retry_after: float | None = None,
        position: int = 0,
    ) -> None:
        super().__init__(message, position=position)
        self.quota = quota
        self.retry_after = retry_after


class BudgetExceeded(QuotaExceeded):
    """The jobs of the tenant, or of the batch, would cost more than they may together."""

    code = "budget_exceeded"


class IdempotencyConflict(RerankqError):
    """The idempotency key was used before with another request."""

    code = "idempotency_conflict"


class JobNotFound(RerankqError):
    """No job has this id: never accepted, or ended so long ago that its record is gone."""

    code = "job_not_found"


class BatchNotFound(RerankqError):
    """No batch has this id: never opened, or past its retention."""

    code = "batch_not_found"


class BatchClosed(RerankqError):
    """The batch takes no more jobs: it is sealed, was cancelled, or is past its deadline."""

    code = "batch_closed"


class BatchAbandoned(RerankqError):
    """All results of a batch were given, but it was never sealed, and its feeder is gone."""

    code = "batch_abandoned"


class UnknownFile(RerankqError):
    """No file has this id: never uploaded, deleted, or past its retention."""

    code = "file_not_found"


class WebhookNotFound(RerankqError):
    """No webhook has this id: never made, or removed."""

    code = "webhook_not_found"


class TenantNotFound(RerankqError):
    """No tenant has this name: never set, or removed."""

    code = "tenant_not_found"


class TokenNotFound(RerankqError):
    """No token has this id: never made, revoked, or past its expiry."""

    code = "token_not_found"


class ResultExpired(RerankqError):
    """The job ended, but its result is past `RERANKQ_RESULT_TTL`."""

    code = "result_expired"


class ResultTimeout(RerankqError, TimeoutError):
    """The job has not ended within the time given; it goes on, so ask again.

    Attributes:
        job_ids: the jobs that have not ended; empty when they are all of a batch.
    """

    code = "result_timeout"

    def __init__(self, message: str, *, job_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.job_ids = job_ids


class ClientClosed(RerankqError, RuntimeError):
    """The client was closed, before the call or while it waited. The jobs go on."""

    code = "client_closed"

    def __init__(
        self, message: str = "this client is closed: make a new one; jobs that were accepted go on"
    ) -> None:
        super().__init__(message)


class DetachedHandle(RerankqError):
    """The handle was unpickled, so it has no client: `client.get(handle.id)` gives one that has."""

    code = "detached_handle"


class JobEnded(RerankqError):
    """The job ended without a ranking.

    The arguments are plain strings because Celery's result backend rebuilds the
    exception from them, in processes that know nothing but the job's id.

    Attributes:
        reason: stable name of what happened, such as `upstream_refused`.
        status: HTTP status of the upstream's last answer, if that was the reason.
        request_id: the upstream's own id of that call, if it sent one.
        attempts: how many were used, if the upstream was called.
    """

    code = "job_ended"

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        attempts: int | None = None,
    ) -> None:
        # Celery rebuilds it from these two. Only rerankq's own clients know the others.
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.status = status
        self.request_id = request_id
        self.attempts = attempts

    def __str__(self) -> str:
        return self.message


class JobFailed(JobEnded):
    """The upstream refused the job, its attempts ran out, or it could not be read."""

    code = "job_failed"


class JobCancelled(JobEnded):
    """The job was cancelled before its end."""

    code = "job_cancelled"


class JobExpired(JobEnded):
    """The job's deadline passed before its end."""

    code = "job_expired"
