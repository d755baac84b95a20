"""A dialect: a vendor's format of requests and answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rerankq_sandbox.complaint import complaint
from rerankq_sandbox.contract import Question, Ranked
from rerankq_sandbox.errors import ErrorCode, GatewayError
from rerankq_sandbox.shapes import Shape


class Asked(BaseModel):
    """A request body. Unknown fields are ignored, as gateways ignore them."""

    model_config = ConfigDict(frozen=True, strict=True)


AskedT = TypeVar("AskedT", bound=Asked)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's format of requests and answers.

    Attributes:
        path: The path of the endpoint.
        read: Decodes a request body; raises GatewayError.
        entry: Makes one result.
        wrap: Makes the whole answer from the results (None for null) and the request id.
        shape: The format of a refusal.
        max_body_bytes: Longest request body; None for the server's own bound.
    """

    path: str
    read: Callable[[bytes], Question]
    entry: Callable[[Question, Ranked], dict[str, Any]]
    wrap: Callable[[Question, list[dict[str, Any]] | None, str], Any]
    shape: Shape
    max_body_bytes: int | None = None

    def answer(self, question: Question, ranking: Sequence[Ranked], request_id: str) -> Any:
        """The answer to a call."""
        return self.wrap(question, [self.entry(question, one) for one in ranking], request_id)


def decode(
    model: type[AskedT],
    body: bytes,
    *,
    status: int = 400,
    code: ErrorCode = "invalid_request",
    kind: str = "new_api_error",
) -> AskedT:
    """Decode a request body.

    Raises:
        GatewayError: Names the first field at fault but never its content.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise GatewayError(status, complaint(error, depth=2), code, kind) from None


def too_long(query: str, text: str, most: int, estimate: Callable[[str], float]) -> bool:
    """Whether query and document exceed `most` tokens together."""
    # No character costs more than one token, so short texts need not be counted.
    return len(query) + len(text) > most and estimate(query) + estimate(text) > most
