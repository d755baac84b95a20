import json

import pytest

from rerankq import errors
from rerankq_gateway.errors import GatewayError, Problem, problem_of
from rerankq_gateway.errors.problem import content_type

ROWS: list[tuple[errors.RerankqError, int, str]] = [
    (errors.InvalidRequest("documents.3", "is required"), 422, "invalid_request"),
    (errors.JobNotFound("x"), 404, "job_not_found"),
    (errors.BatchNotFound("x"), 404, "batch_not_found"),
    (errors.ResultExpired("x"), 410, "result_expired"),
    (errors.ResultTimeout("x"), 504, "result_timeout"),
    (errors.IdempotencyConflict("x"), 422, "idempotency_conflict"),
    (errors.UnknownFile("x"), 404, "file_not_found"),
    (errors.WebhookNotFound("x"), 404, "webhook_not_found"),
    (errors.TenantNotFound("x"), 404, "tenant_not_found"),
    (errors.TokenNotFound("x"), 404, "token_not_found"),
    (errors.BatchClosed("x"), 409, "batch_closed"),
    (errors.BatchAbandoned("x"), 409, "batch_abandoned"),
    (errors.QuotaExceeded("x", quota="day"), 429, "quota_exceeded"),
    (errors.QuotaExceeded("x", quota="disabled"), 403, "tenant_disabled"),
    (errors.BudgetExceeded("x", quota="budget"), 402, "budget_exceeded"),
    (errors.QueueFull("x"), 503, "queue_full"),
    (errors.LedgerUnavailable("x"), 503, "ledger_unavailable"),
    (errors.LedgerRefusal("x"), 503, "ledger_refusal"),
    (errors.ClientClosed(), 503, "client_closed"),
    (errors.JobCancelled("cancelled", "x"), 409, "cancelled"),
    (errors.JobExpired("expired", "x"), 504, "expired"),
    (errors.JobFailed("upstream_throttled", "x"), 429, "upstream_throttled"),
    (errors.JobFailed("upstream_refused", "x"), 422, "upstream_refused"),
    (errors.JobFailed("upstream_too_large", "x"), 413, "upstream_too_large"),
    (errors.JobFailed("upstream_model", "x"), 404, "model_not_found"),
    (errors.JobFailed("upstream_unavailable", "x"), 503, "upstream_unavailable"),
    (errors.JobFailed("upstream_endpoint", "x"), 503, "upstream_endpoint"),
    (errors.JobFailed("upstream_malformed", "x"), 503, "upstream_malformed"),
    (errors.JobFailed("internal_error", "x"), 500, "internal_error"),
    (errors.SettingsError("x"), 500, "internal_error"),
    (GatewayError(415, "unsupported_encoding", "x"), 415, "unsupported_encoding"),
]


@pytest.mark.parametrize(("error", "status", "code"), ROWS, ids=lambda each: str(each)[:40])
def test_each_error_has_its_status_and_code(
    error: errors.RerankqError, status: int, code: str
) -> None:
    """The table of errors: one row for each kind."""
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)


def test_one_body_is_read_by_all_conventions() -> None:
    """OpenAI's readers find `error`, Cohere's `message`, Jina's `detail`, RFC 9457's the rest."""
    problem = problem_of(errors.InvalidRequest("query", "is required"))
    body = json.loads(problem.body("req_1"))
    said = "query: is required"
    assert body["error"] == {
        "message": said,
        "type": "invalid_request_error",
        "param": "query",
        "code": "invalid_request",
    }
    assert (body["message"], body["detail"]) == (said, said)
    assert (body["type"], body["status"]) == ("urn:rerankq:error:invalid_request", 422)
    assert (body["title"], body["request_id"]) == ("Unprocessable Entity", "req_1")


@pytest.mark.parametrize(
    ("problem", "headers"),
    [
        (Problem(422, "c", "m"), {"x-should-retry": "false"}),
        (
            Problem(429, "c", "m", retry_after=0.2, throttled_by="quota"),
            {
                "retry-after": "1",
                "x-rerankq-throttled-by": "quota",
            },
        ),
        (Problem(503, "c", "m", retry_after=2.1), {"retry-after": "3"}),
        (Problem(504, "c", "m", location="/v1/jobs/a"), {"location": "/v1/jobs/a"}),
        (Problem(409, "c", "m", can_retry=True), {}),
        (Problem(401, "c", "m"), {"x-should-retry": "false", "www-authenticate": "Bearer"}),
    ],
)
def test_headers_say_whether_and_when_to_repeat(problem: Problem, headers: dict[str, str]) -> None:
    """A repeat that cannot succeed is said to be useless; seconds are whole and at least 1."""
    assert {k.decode(): v.decode() for k, v in problem.own_headers()} == headers


def test_problem_details_only_for_those_who_ask() -> None:
    """The content type follows Accept."""
    assert content_type(b"text/html, application/problem+json") == b"application/problem+json"
    assert content_type(b"*/*") == b"application/json"
