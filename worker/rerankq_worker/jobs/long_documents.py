"""Documents beyond a model's context: refused, truncated or split, as the job or the worker says.

A site that is asked to rank such a document refuses the whole call, or cuts the text without a
word. So it is found out before the call, and the result tells what was done.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rerankq.contract import LongDocument, LongDocuments, PassageOf, RerankRequest
from rerankq.cost.counters import TokenCounter
from rerankq.cost.passages import Passage, beginning, passages
from rerankq_worker.upstream.context import Context
from rerankq_worker.upstream.errors import TooLarge
from rerankq_worker.upstream.port import Score, best_first

TEMPLATE_TOKENS: Final = 128
"""What a model's prompt adds to query, instruction and document. Source: the template of
Qwen3-Reranker's model card has about 80 tokens."""
LEAST_TOKENS: Final = 32
"""Room that a document must have beside the query."""
UNSURE: Final = 1.25
"""By how much an estimate may be wrong: a document is refused only when it is certainly too long,
and cut so that it certainly fits."""
OVERLAP: Final = 0.1
"""The share of a passage that the next one has too."""
MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A request whose long documents were cut.

    Attributes:
        request: what is to be ranked in the job's place: passages in the place of long documents.
            All scores are wanted, because several may be of one document.
        parts: for each document of `request`: the index of the job's document, and which passage
            of it this is; None for a document that was not split.
        told: what the result tells of the long documents.
    """

    request: RerankRequest
    parts: Sequence[tuple[int, PassageOf | None]]
    told: Sequence[LongDocument]

    def merged(self, scores: Sequence[Score]) -> tuple[list[Score], dict[int, PassageOf]]:
        """The scores of the job's documents, best first, and the passages whose scores they are.

        Args:
            scores: of the documents of `request`.
        """
        best: dict[int, Score] = {}
        found: dict[int, PassageOf] = {}
        for score in sorted(scores, key=best_first):
            index, passage = self.parts[score.index]
            if index not in best:
                best[index] = score._replace(index=index)
                if passage is not None:
                    found[index] = passage
        return sorted(best.values(), key=best_first), found


class LongDocumentCutter:
    """Finds documents beyond the context, and does what the job or the worker wants.

    Args:
        context_of: tells the context of a model by the name that jobs use; None if it is not known.
        default: what is done for jobs that do not say it.
        most_passages: into which a document is split at most.
    """

    def __init__(
        self,
        context_of: Callable[[str], Context | None],
        *,
        default: LongDocuments = LongDocuments.ERROR,
        most_passages: int = 16,
    ) -> None:
        self._context_of = context_of
        self._default = default
        self._most_passages = most_passages

    async def cut(self, request: RerankRequest) -> CutRequest | None:
        """What is to be ranked in a request's place; None if it has no long document.

        Raises:
            TooLarge: it has, and the job is to fail then; or the query leaves no room.
        """
        context = self._context_of(request.model)
        if context is None:
            return None
        texts = request.texts()
        before = len(request.query) + len(request.instruction or "")
        room, most = context.tokens - TEMPLATE_TOKENS, context.counter.most
        # Most jobs end here, without a look at a text.
        if most(before + max(map(len, texts))) <= room:
            return None
        doubtful = [index for index, text in enumerate(texts) if most(before + len(text)) > room]
        # Counting many characters takes a while: a thread does it, so that other jobs go on.
        return await asyncio.to_thread(self._cut, request, texts, doubtful, context)

    def _cut(
        self,
        request: RerankRequest,
        texts: Sequence[str],
        doubtful: Sequence[int],
        context: Context,
    ) -> CutRequest | None:
        counter = context.counter
        action = request.long_documents or self._default
        before = sum(counter.count([request.query, request.instruction or ""])) + TEMPLATE_TOKENS
        most = context.tokens - before
        if most < LEAST_TOKENS:
            raise TooLarge(
                f"the query and instruction have {_about(counter)}{before - TEMPLATE_TOKENS:,} "
                f"tokens and leave no room for a document in the {context.tokens:,} tokens that "
                f"{request.model} reads; shorten them"
            )
        counts = counter.count([texts[index] for index in doubtful])
        unsure = 1.0 if counter.is_exact else UNSURE
        over = most * unsure if action is LongDocuments.ERROR else most / unsure
        long = {index: count for index, count in zip(doubtful, counts, strict=True) if count > over}
        if not long:
            return None
        if action is LongDocuments.ERROR:
            raise TooLarge(_refusal(request.model, long, counter, context.tokens, before))
        cuts = {
            index: self._passages(texts[index], int(most / unsure), counter, action)
            for index in long
        }
        return _with_cuts(request, texts, cuts, long, action)

    def _passages(
        self, text: str, most_tokens: int, counter: TokenCounter, action: LongDocuments
    ) -> list[Passage]:
        if action is LongDocuments.TRUNCATE:
            return [beginning(text, most_tokens, counter)]
        found = passages(text, most_tokens, counter, overlap=OVERLAP, most=self._most_passages)
        return list(found)


def _with_cuts(
    request: RerankRequest,
    texts: Sequence[str],
    cuts: Mapping[int, Sequence[Passage]],
    tokens: Mapping[int, int],
    action: LongDocuments,
) -> CutRequest:
    documents: list[str] = []
    parts: list[tuple[int, PassageOf | None]] = []
    for index, text in enumerate(texts):
        if index not in cuts:
            documents.append(text)
            parts.append((index, None))
            continue
        for number, (start, end) in enumerate(cuts[index], 1):
            documents.append(text[start:end])
            named = PassageOf(number=number, start=start, end=end)
            # A truncated document has one score, and needs no name of the part.
            parts.append((index, named if action is LongDocuments.SPLIT else None))
    told = [
        LongDocument(
            index=index,
            action=action,
            tokens=tokens[index],
            passages=len(cut),
            read_characters=cut[-1].end,
        )
        for index, cut in cuts.items()
    ]
    update = {"documents": tuple(documents), "top_n": None}
    return CutRequest(request.model_copy(update=update), parts, told)


def _refusal(
    model: str, long: Mapping[int, int], counter: TokenCounter, tokens: int, before: int
) -> str:
    """The message about documents that are too long: their indexes, and none of their text."""
    about = _about(counter)
    named = ", ".join(
        f"{index} ({about}{count:,} tokens)" for index, count in [*long.items()][:MOST_NAMED]
    )
    more = f" and {len(long) - MOST_NAMED:,} more" if len(long) > MOST_NAMED else ""
    what = f"documents {named}{more} are" if len(long) > 1 else f"document {named} is"
    return (
        f"{what} longer than the {tokens - before:,} tokens that {model} reads beside this query; "
        "shorten what is too long, or set long_documents of the job, or RERANKQ_LONG_DOCUMENTS, to "
        "truncate or split"
    )


def _about(counter: TokenCounter) -> str:
    return "" if counter.is_exact else "about "
