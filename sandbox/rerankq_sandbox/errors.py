"""A refusal: the one error type, because a status and a body is all that a client ever sees."""

ErrorCode = str | int | None


class GatewayError(Exception):
    """A refusal that the client gets as `status`, with a body in the shape of its dialect.

    Attributes:
        status: HTTP status.
        message: What the body says. Never holds a key, a query or a document.
        code: The body's `code`, where its shape has one.
        kind: The body's `type`, where its shape has one.
    """

    def __init__(
        self, status: int, message: str, code: ErrorCode = "", kind: str = "new_api_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.kind = kind
