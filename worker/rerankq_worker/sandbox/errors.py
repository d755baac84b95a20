"""Refusals in the words and the shape of the gateway family.

One error type, because that is all a client ever sees of such a gateway: a status and a body.
"""

import orjson

ErrorCode = str | int | None

# What gateways of this family were seen to say, by status: message and code.
_TYPICAL: dict[int, tuple[str, ErrorCode]] = {
    401: ("无效的令牌", ""),
    403: ("用户额度不足", "insufficient_user_quota"),
    413: ("request body too large", "request_body_too_large"),
    429: ("当前分组上游负载已饱和", None),
    500: ("do request failed", "do_request_failed"),
    502: ("bad response status code 502", "bad_response_status_code"),
    503: ("当前分组 default 下无可用渠道", "model_not_found"),
    504: ("bad response status code 504", "bad_response_status_code"),
}


class GatewayError(Exception):
    """A refusal that the client gets as `status` with the gateway's error body.

    Attributes:
        status: HTTP status.
        message: What the body says. Never holds a key, a query or a document.
        code: The body's `code`.
    """

    def __init__(self, status: int, message: str, code: ErrorCode = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


def typical(status: int) -> GatewayError:
    """The refusal that a gateway of this family usually sends with `status`."""
    message, code = _TYPICAL.get(status, (f"bad response status code {status}", ""))
    return GatewayError(status, message, code)


def error_body(error: GatewayError, request_id: str) -> bytes:
    """The JSON body of a refusal; the request id closes the message, as gateways do it."""
    return orjson.dumps(
        {
            "error": {
                "message": f"{error.message} (request id: {request_id})",
                "type": "new_api_error",
                "param": "",
                "code": error.code,
            }
        }
    )
