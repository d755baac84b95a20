"""One query and its documents, as the caller submits them."""

from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StringConstraints, field_validator

from rerankq.contract.bounds import (
    MAX_DOCUMENT_CHARACTERS,
    MAX_DOCUMENTS,
    MAX_QUERY_CHARACTERS,
    MAX_TOP_N,
)
from rerankq.contract.long_documents import LongDocuments
from rerankq.contract.message import Message

DEFAULT_MODEL: Final = "qwen3-reranker-8b"


def _not_blank(text: str) -> str:
    if not text or text.isspace():
        raise ValueError("must not be empty")
    return text


class Document(Message):
    """A document with an id of the caller's, which the result repeats."""

    id: Annotated[str, StringConstraints(max_length=512)] | None = None
    text: Annotated[str, StringConstraints(max_length=MAX_DOCUMENT_CHARACTERS)]

    _text_given = field_validator("text")(_not_blank)


class RerankRequest(Message):
    """One query and the documents to rank for it (the body of `POST /v1/rerank`)."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] = DEFAULT_MODEL
    query: Annotated[str, StringConstraints(max_length=MAX_QUERY_CHARACTERS)]
    documents: Annotated[tuple[str | Document, ...], Field(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: Annotated[StrictInt, Field(ge=1, le=MAX_TOP_N)] | None = Field(
        default=None, description="How many of the best to return; all when absent."
    )
    return_documents: StrictBool = True
    instruction: Annotated[str, StringConstraints(max_length=8_192)] | None = Field(
        default=None, description="Task description, for models that take one."
    )
    # None when they are not asked for: then the request is stored as older versions store it.
    min_score: Annotated[StrictFloat, Field(ge=0, le=1)] | None = Field(
        default=None, description="Leave out documents with a lower relevance_score."
    )
    raw_scores: StrictBool | None = Field(
        default=None, description="Whether each row has the site's own score too, as raw_score."
    )

    long_documents: LongDocuments | None = Field(
        default=None,
        description="What is done with documents beyond the model's context: error, truncate or "
        "split; RERANKQ_LONG_DOCUMENTS of the worker when absent.",
    )

    _query_given = field_validator("query")(_not_blank)

    @field_validator("documents")
    @classmethod
    def _within_bounds(cls, documents: tuple[str | Document, ...]) -> tuple[str | Document, ...]:
        # All at once, because this runs for each job that is submitted or read.
        texts = [each for each in documents if type(each) is str]
        longest = max(map(len, texts), default=0)
        if longest <= MAX_DOCUMENT_CHARACTERS and all(texts) and not any(map(str.isspace, texts)):
            return documents
        for position, document in enumerate(documents):
            if not isinstance(document, str):
                continue
            if not document or document.isspace():
                raise ValueError(f"document {position} must not be empty")
            if len(document) > MAX_DOCUMENT_CHARACTERS:
                raise ValueError(
                    f"document {position} has {len(document):,} characters, "
                    f"over {MAX_DOCUMENT_CHARACTERS:,}: split it"
                )
        return documents

    def texts(self) -> list[str]:
        """The documents' texts, in the order submitted."""
        return [each if isinstance(each, str) else each.text for each in self.documents]

    @property
    def wanted(self) -> int:
        """How many results the caller gets at most: `top_n`, or one for each document."""
        return min(self.top_n or len(self.documents), len(self.documents))
