"""What a vendor's way of asking and answering has to say."""

from typing import Any, Protocol

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.port import Answer


class Dialect(Protocol):
    """One vendor's request and answer."""

    def check(self, request: RerankRequest, model: str) -> None:
        """See whether the vendor could take a request at all, before a way to it is chosen.

        Args:
            request: what to rank.
            model: the name that this site gives the model.

        Raises:
            TooLarge: more than the vendor's documented limits allow; it is not worth a call.
            Refused: an instruction, for a model that takes none.
        """
        ...

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """The body to post.

        Args:
            request: what to rank.
            model: the name that this site gives the model.

        Raises:
            Refused: as `check` does.
        """
        ...

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """Read the decoded JSON of an answer with status 200.

        Args:
            body: the JSON.
            request: what was to be ranked.
            request_id: what the answer's headers gave; the body's own id stands in for it.

        Raises:
            Malformed: the answer is incomplete or contradicts itself.
        """
        ...
