"""The refusals that this family of gateways and other vendors were observed to send, by name.

A row is an observed example, with its status, format and words. A message may hold `{minutes}` and
`{limit}`, which are filled in from a limit of the sandbox.
"""
# ruff: noqa: RUF001 - the punctuation is the gateways' own

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from rerankq_sandbox import shapes
from rerankq_sandbox.complaint import suggestion
from rerankq_sandbox.errors import ErrorCode, GatewayError
from rerankq_sandbox.shapes import GATEWAY, Shape

Meaning = Literal[
    "throttled",
    "throttled for a window",
    "billing",
    "throttled or billing",
    "account",
    "permanent",
    "endpoint",
    "too large",
    "configuration",
    "transient",
    "malformed",
]

_RIX: Final = "rix_api_error"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One refusal.

    Attributes:
        meaning: How a client should understand it.
        status: HTTP status.
        message: The body's message.
        code: The body's `code`.
        kind: The body's `type`.
        shape: The body's format.
    """

    meaning: Meaning
    status: int
    message: str
    code: ErrorCode = ""
    kind: str = "new_api_error"
    shape: Shape = GATEWAY

    def refusal(self, *, minutes: int = 1, limit: int = 60) -> GatewayError:
        """The refusal, with the numbers of a limit in its message."""
        words = self.message.replace("{minutes}", str(minutes)).replace("{limit}", str(limit))
        return GatewayError(self.status, words, self.code, self.kind)


_THROTTLED: Final = {
    "saturated": ErrorRow("throttled", 429, "当前分组上游负载已饱和，请稍后再试", None),
    "saturated_rix": ErrorRow(
        "throttled", 429, "当前分组上游负载已饱和，请稍后再试", "RateLimitReached", _RIX
    ),
    # The gateway's own account is out of credit; to its clients it says that it is busy.
    "saturated_quota": ErrorRow(
        "throttled",
        429,
        "当前分组上游负载已饱和，请稍后再试",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "saturated_billing": ErrorRow(
        "throttled",
        429,
        "当前分组负载已饱和，请稍后再试，或升级账户以提升服务质量。",
        "billing_not_active",
        "billing_not_active",
    ),
    "saturated_empty": ErrorRow("throttled", 429, "", shape=shapes.TEXT),
    "rate_limit_500": ErrorRow("throttled", 500, "upstream rate limit", "rate_limit"),
    "rate_limit_reached": ErrorRow(
        "throttled",
        429,
        "Rate limit reached for requests per min (RPM): Limit {limit}. Please try again later.",
        "RateLimitReached",
        "requests",
        shapes.OPENAI,
    ),
    "rate_limit_flat": ErrorRow(
        "throttled",
        429,
        "Request was rejected due to rate limiting. Details: RPM limit reached.",
        50603,
        shape=shapes.FLAT,
    ),
    "rate_limit_detail": ErrorRow(
        "throttled", 429, "You have exceeded the rate limit: {limit} RPM.", shape=shapes.DETAIL
    ),
    "rate_limit_dashscope": ErrorRow(
        "throttled",
        429,
        "Requests rate limit exceeded, please try again later.",
        "Throttling.RateQuota",
        shape=shapes.DASHSCOPE,
    ),
    "overloaded": ErrorRow(
        "throttled", 429, "Model is overloaded", kind="overloaded", shape=shapes.TEI
    ),
    "request_limit": ErrorRow(
        "throttled for a window", 429, "您已达到请求数限制：{minutes}分钟内最多请求{limit}次"
    ),
    "total_request_limit": ErrorRow(
        "throttled for a window",
        429,
        "您已达到总请求数限制：{minutes}分钟内最多请求{limit}次，包括失败次数，请检查您的请求是否正确",
    ),
}

_ACCOUNT: Final = {
    "token_exhausted": ErrorRow(
        "billing",
        401,
        "Token amount has been exhausted !token.UnlimitedQuota && token.RemainQuota = 0",
    ),
    "insufficient_user_quota": ErrorRow(
        "billing", 403, "用户额度不足，剩余额度: ¥0.000000", "insufficient_user_quota"
    ),
    "pre_consume_failed": ErrorRow(
        "billing",
        403,
        "预扣费额度失败，用户剩余额度: ¥0.010000，需要预扣费额度: ¥0.020000",
        "pre_consume_token_quota_failed",
    ),
    "insufficient_balance": ErrorRow(
        "billing",
        402,
        "Insufficient Balance",
        "invalid_request_error",
        "unknown_error",
        shapes.OPENAI,
    ),
    "insufficient_quota_403": ErrorRow("billing", 403, "用户 1024 配额不足", "insufficient_quota"),
    "quota_not_enough": ErrorRow("billing", 403, "quota not enough", "quota_not_enough", _RIX),
    "insufficient_quota_429": ErrorRow(
        "throttled or billing",
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
        shapes.OPENAI,
    ),
    "no_token": ErrorRow("account", 401, "未提供令牌"),
    "invalid_token": ErrorRow("account", 401, "无效的令牌"),
    "group_forbidden": ErrorRow("account", 403, "无权访问 vip 分组", "access_denied"),
    "model_forbidden": ErrorRow("configuration", 403, "该令牌无权访问该模型", "access_denied"),
    "ip_forbidden": ErrorRow("account", 403, "您的 IP 不在令牌允许访问的列表中"),
}

_REQUEST: Final = {
    "bad_request": ErrorRow("permanent", 400, "query is empty", "invalid_request"),
    "context_overflow": ErrorRow(
        "permanent",
        400,
        "This model's maximum context length is 32768 tokens. However, you requested more.",
        400,
        "BadRequestError",
        shapes.OPENAI,
    ),
    "not_found": ErrorRow(
        "endpoint",
        404,
        "Invalid URL (POST /v1/rerank)",
        kind="invalid_request_error",
        shape=shapes.OPENAI,
    ),
    "unprocessable": ErrorRow(
        "permanent", 422, "Input should be a valid list", "list_type", shape=shapes.DETAILS
    ),
    "invalid_request_500": ErrorRow("permanent", 500, "invalid request", "invalid_request"),
    "body_too_large": ErrorRow(
        "too large", 413, "request body too large", "request_body_too_large"
    ),
    "body_too_large_nginx": ErrorRow(
        "too large", 413, "Request Entity Too Large", shape=shapes.NGINX
    ),
    "batch_too_large": ErrorRow(
        "too large",
        422,
        "batch size 33 > maximum allowed batch size 32",
        kind="Validation",
        shape=shapes.TEI,
    ),
    "no_channel": ErrorRow(
        "configuration", 503, "当前分组 default 下对于该模型无可用渠道", "model_not_found"
    ),
    "no_channel_rix": ErrorRow(
        "configuration", 503, "当前分组 default 下对于该模型无可用渠道", kind=_RIX
    ),
}

_TRANSIENT: Final = {
    "do_request_failed": ErrorRow("transient", 500, "do request failed", "do_request_failed"),
    "bad_response_status_code": ErrorRow(
        "transient", 500, "bad response status code 500", "bad_response_status_code"
    ),
    "bad_response_body": ErrorRow("transient", 500, "unexpected end of JSON", "bad_response_body"),
    "server_error_null_code": ErrorRow("transient", 500, "internal error", None),
    "server_error_integer_code": ErrorRow("transient", 500, "internal error", 500, _RIX),
    "server_error_empty_message": ErrorRow("transient", 500, ""),
    "server_error_empty": ErrorRow("transient", 500, "", shape=shapes.TEXT),
    "server_error_text": ErrorRow("transient", 500, "Internal Server Error", shape=shapes.TEXT),
    "bad_gateway": ErrorRow(
        "transient", 502, "bad response status code 502", "bad_response_status_code"
    ),
    "bad_gateway_nginx": ErrorRow("transient", 502, "Bad Gateway", shape=shapes.NGINX),
    "unavailable": ErrorRow("transient", 503, "Service Unavailable", shape=shapes.MESSAGE),
    "unavailable_flat": ErrorRow(
        "transient",
        503,
        "Model service overloaded. Please try again later.",
        50505,
        shape=shapes.FLAT,
    ),
    "gateway_timeout": ErrorRow(
        "transient", 504, "bad response status code 504", "bad_response_status_code"
    ),
    "gateway_timeout_nginx": ErrorRow("transient", 504, "Gateway Time-out", shape=shapes.NGINX),
    "timeout_cloudflare": ErrorRow("transient", 524, "A timeout occurred", shape=shapes.CLOUDFLARE),
    "backend_failed": ErrorRow(
        "transient", 424, "Inference failed", kind="backend", shape=shapes.TEI
    ),
}

_MALFORMED: Final = {
    "ok_error": ErrorRow("malformed", 200, "do request failed", "do_request_failed"),
    "ok_flat_error": ErrorRow("malformed", 200, "internal error", 500, shape=shapes.FLAT),
    "ok_html": ErrorRow("malformed", 200, "Welcome to nginx!", shape=shapes.NGINX),
    "ok_empty": ErrorRow("malformed", 200, "", shape=shapes.TEXT),
}

ERRORS: Final[Mapping[str, ErrorRow]] = _THROTTLED | _ACCOUNT | _REQUEST | _TRANSIENT | _MALFORMED

_TYPICAL: Final = {
    401: "invalid_token",
    402: "insufficient_balance",
    403: "insufficient_user_quota",
    413: "body_too_large",
    429: "saturated",
    500: "do_request_failed",
    502: "bad_gateway",
    503: "no_channel",
    504: "gateway_timeout",
}


def typical(status: int) -> GatewayError:
    """The refusal that a gateway of this family usually sends with `status`."""
    if status in _TYPICAL:
        return ERRORS[_TYPICAL[status]].refusal()
    return GatewayError(status, f"bad response status code {status}")


def known_error(name: str) -> str:
    """The name, if the table has it.

    Raises:
        ValueError: The table has no such row.
    """
    if name not in ERRORS:
        raise ValueError(f"no such error: {suggestion(name, ERRORS)}")
    return name
