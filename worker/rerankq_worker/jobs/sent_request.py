"""What is sent upstream of a job: each different document once, as each is paid for by its tokens.

In the place of a document that the model could not read whole, passages are sent. A job's documents
and the documents sent have indexes of their own. `SentRequest` knows both, and turns the scores of
documents sent into the scores of the job's documents.
"""

from collections.abc import Mapping, Sequence

from rerankq.contract import LongDocument, PassageOf, RerankRequest
from rerankq_worker.jobs.long_documents import CutRequest
from rerankq_worker.upstream.port import Score, best_first


class SentRequest:
    """What is sent of a job.

    Equal documents are sent once, at the place of the first. All dialects send a document as its
    text, so two documents are equal if their texts are, whatever ids they have.

    Args:
        submitted: the job's request.
        cut: what is ranked in its place, if documents of it were cut.

    Attributes:
        request: the request to send: the job's own, if no document repeats. Its `top_n` is the
            job's: the best documents of the job are among as many of the best documents sent.
    """

    __slots__ = ("_cut", "_places", "request")

    def __init__(self, submitted: RerankRequest, cut: CutRequest | None = None) -> None:
        self._cut = cut
        if cut:
            submitted = cut.request
        texts = submitted.texts()
        self.request = submitted
        self._places: Sequence[Sequence[int]] | None = None
        if len(set(texts)) < len(texts):
            places: dict[str, list[int]] = {}
            for index, text in enumerate(texts):
                places.setdefault(text, []).append(index)
            self.request = submitted.model_copy(update={"documents": tuple(places)})
            self._places = tuple(places.values())

    def scores(self, sent: Sequence[Score]) -> Sequence[Score]:
        """The scores of the job's documents, best first; equal scores in the job's order.

        Args:
            sent: scores of documents sent; their indexes are those of `request`.
        """
        scores = self._of_each(sent)
        return self._cut.merged(scores)[0] if self._cut else scores

    def passages(self, sent: Sequence[Score]) -> Mapping[int, PassageOf]:
        """By document of the job: the passage whose score it has, where a document was split.

        Args:
            sent: as for `scores`.
        """
        return self._cut.merged(self._of_each(sent))[1] if self._cut else {}

    @property
    def long_documents(self) -> Sequence[LongDocument]:
        """The documents of the job that were cut."""
        return self._cut.told if self._cut else ()

    def _of_each(self, sent: Sequence[Score]) -> Sequence[Score]:
        """The scores with one for each of the documents that repeat."""
        places = self._places
        if places is None:
            return sent
        return sorted(
            (score._replace(index=index) for score in sent for index in places[score.index]),
            key=best_first,
        )
