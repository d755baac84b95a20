"""What can be said of a request before it is sent: a call that must fail is not made."""

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.port import Refused, TooLarge


def require_at_most(documents: int, request: RerankRequest, *, vendor: str) -> None:
    """Hold a request to the vendor's documented number of documents a call.

    Raises:
        TooLarge: it has more.
    """
    count = len(request.documents)
    if count > documents:
        raise TooLarge(
            f"{count:,} documents are over the {documents:,} that {vendor} takes in one call; "
            "send fewer"
        )


def require_no_instruction(request: RerankRequest, *, who: str) -> None:
    """Refuse an instruction that would be dropped: the ranking would not be the one asked for.

    Raises:
        Refused: there is one.
    """
    if request.instruction is not None:
        raise Refused(f"{who} takes no instruction; leave it out, or put it into the query")
