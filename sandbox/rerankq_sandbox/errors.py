"""A refusal: the only error type, as a client sees nothing but a status and a body."""

ErrorCode = str | int | None


class GatewayError(Exception):
    """A refusal that the client gets as `status`, with a body in the format of its dialect.

    Attributes:
        status: HTTP status.
        message: The body's message. Never holds a key, a query or a document.
        code: The body's `code`, if its format has one.
        kind: The body's `type`, if its format has one.
    """

    def __init__(
        self, status: int, message: str, code: ErrorCode = "", kind: str = "new_api_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.kind = kind
