"""Divides the documents of a job that is too large for one call into parts, one for each call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.call_limits import (
    CallLimits,
    bytes_before,
    bytes_each,
    tokens_each,
)


class DocumentTooLargeError(Exception):
    """A document alone is over a limit of a call.

    Attributes:
        index: of the document, in the request.
        limit: the limit, in words.
    """

    def __init__(self, index: int, limit: str) -> None:
        super().__init__(f"document {index} alone is over {limit}")
        self.index = index
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Part:
    """Some documents of a request, by their indexes: what one call asks for."""

    indexes: tuple[int, ...]

    def of(self, request: RerankRequest) -> RerankRequest:
        """The request of this part's call: it wants all scores, as others join them later."""
        documents = tuple(request.documents[index] for index in self.indexes)
        return request.model_copy(update={"documents": documents, "top_n": None})

    def halves(self) -> tuple["Part", ...]:
        """The part in two; itself, if it has one document."""
        if len(self.indexes) == 1:
            return (self,)
        middle = (len(self.indexes) + 1) // 2
        return Part(self.indexes[:middle]), Part(self.indexes[middle:])


@dataclass(frozen=True, slots=True)
class _Limit:
    """A limit, with what each document of the request adds, and what a call has without any."""

    most: float
    each: Sequence[float]
    before: float
    words: str


def divided(
    request: RerankRequest, limits: CallLimits, indexes: Sequence[int] | None = None
) -> list[Part]:
    """Parts within the limits of a call, in the order of the documents.

    Where only the number of documents is limited, the parts are about equal, so that none takes
    much longer than the others.

    Args:
        request: what is to be divided.
        limits: of a call.
        indexes: the documents that are asked for; all of the request if None.

    Raises:
        DocumentTooLargeError: a document alone is over a limit.
    """
    wanted = range(len(request.documents)) if indexes is None else indexes
    if not wanted:
        return []
    parts = -(-len(wanted) // (limits.documents or len(wanted)))
    most_documents = -(-len(wanted) // parts)
    return list(_filled(wanted, most_documents, _limits(request, limits)))


def _filled(wanted: Sequence[int], most_documents: int, limits: Sequence[_Limit]) -> Iterator[Part]:
    part: list[int] = []
    used = [limit.before for limit in limits]
    for index in wanted:
        more = [before + limit.each[index] for before, limit in zip(used, limits, strict=True)]
        over = any(each > limit.most for each, limit in zip(more, limits, strict=True))
        if part and (over or len(part) >= most_documents):
            yield Part(tuple(part))
            part = []
            more = [limit.before + limit.each[index] for limit in limits]
        for each, limit in zip(more, limits, strict=True):
            if not part and each > limit.most:
                raise DocumentTooLargeError(index, limit.words)
        part.append(index)
        used = more
    yield Part(tuple(part))


def _limits(request: RerankRequest, limits: CallLimits) -> list[_Limit]:
    found = []
    if limits.tokens is not None:
        words = f"the {limits.tokens:,} tokens of a call"
        found.append(_Limit(limits.tokens, tokens_each(request), 0, words))
    if limits.bytes is not None:
        words = f"the {limits.bytes:,} bytes of a call"
        found.append(_Limit(limits.bytes, bytes_each(request), bytes_before(request), words))
    return found
