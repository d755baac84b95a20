"""Which status each error of rerankq has over HTTP: the table that `docs/gateway.md` shows."""

from typing import Final

from rerankq import errors
from rerankq_gateway.errors.problem import GatewayError, Problem

INVALID: Final = 422
"""Status of a request that breaks the contract, but on OpenAI's routes."""

_KINDS: Final[tuple[tuple[type[errors.RerankqError], int, float | None], ...]] = (
    # The first that matches counts: a kind stands before the one that it belongs to.
    (errors.JobNotFound, 404, None),
    (errors.BatchNotFound, 404, None),
    (errors.ResultExpired, 410, None),
    (errors.IdempotencyConflict, 422, None),
    (errors.UnknownFile, 404, None),
    (errors.WebhookNotFound, 404, None),
    (errors.TenantNotFound, 404, None),
    (errors.TokenNotFound, 404, None),
    (errors.BatchClosed, 409, None),
    (errors.BatchAbandoned, 409, None),
    (errors.QueueFull, 503, 5.0),
    (errors.LedgerRefusal, 503, 30.0),
    (errors.LedgerUnavailable, 503, 2.0),
    (errors.ResultTimeout, 504, 1.0),
    (errors.ClientClosed, 503, 1.0),
    (errors.JobExpired, 504, None),
    (errors.JobCancelled, 409, None),
)

_REASONS: Final[dict[str, tuple[int, float | None]]] = {
    "upstream_throttled": (429, 5.0),
    "upstream_refused": (422, None),
    "upstream_too_large": (413, None),
    "upstream_model": (404, None),
    "upstream_auth": (503, 30.0),
    "upstream_billing": (503, 30.0),
    "upstream_unavailable": (503, 5.0),
    "upstream_endpoint": (503, 30.0),
    "upstream_malformed": (503, 5.0),
}
"""Statuses of jobs that failed, by reason; 500 for any other."""

_QUOTA_SECONDS: Final = 60.0
"""When to come back if a quota does not say it."""
_MODEL: Final = "upstream_model"
_BY_ITSELF: Final = 500


def problem_of(error: errors.RerankqError, *, invalid: int = INVALID) -> Problem:
    """What the caller is told about an error.

    Args:
        error: any of rerankq's errors.
        invalid: the status of a request that breaks the contract; 400 on OpenAI's routes.
    """
    match error:
        case GatewayError():
            return error.problem
        case errors.InvalidRequest():
            param = error.field or None
            return Problem(invalid, error.code, str(error), param=param)
        case errors.QuotaExceeded():
            return _over_quota(error)
        case errors.JobFailed():
            return _failed(error)
    for kind, status, retry_after in _KINDS:
        if isinstance(error, kind):
            code = error.reason if isinstance(error, errors.JobEnded) else error.code
            # A job that has ended stays so: the same request gives the same answer.
            can_retry = False if isinstance(error, errors.JobEnded) else None
            return Problem(status, code, str(error), retry_after=retry_after, can_retry=can_retry)
    return Problem(_BY_ITSELF, "internal_error", "a fault in rerankq: the log names the place")


def _over_quota(error: errors.QuotaExceeded) -> Problem:
    if error.quota == "disabled":
        # No wait helps: only the operator can let the tenant submit again.
        return Problem(403, "tenant_disabled", str(error), throttled_by="quota")
    if isinstance(error, errors.BudgetExceeded):
        # No wait helps for sure: the operator can raise the budget.
        return Problem(402, error.code, str(error), throttled_by="quota")
    wait = error.retry_after or _QUOTA_SECONDS
    return Problem(429, error.code, str(error), retry_after=wait, throttled_by="quota")


def _failed(error: errors.JobFailed) -> Problem:
    status, retry_after = _REASONS.get(error.reason, (_BY_ITSELF, None))
    return Problem(
        status,
        "model_not_found" if error.reason == _MODEL else error.reason,
        error.message,
        param="model" if error.reason == _MODEL else None,
        retry_after=retry_after,
        throttled_by="upstream" if error.reason == "upstream_throttled" else None,
    )
