"""What is done with documents that a model cannot read whole, and what a result tells of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt

from rerankq.contract.message import Message

Count = Annotated[StrictInt, Field(ge=0)]


class LongDocuments(StrEnum):
    """What is done with documents beyond the model's context."""

    ERROR = "error"
    """The job fails, and its error names them."""
    TRUNCATE = "truncate"
    """The model reads their beginning."""
    SPLIT = "split"
    """The model reads passages; the best one's score is the document's."""


class PassageOf(Message):
    """The passage of a long document whose score it has.

    Attributes:
        number: which one of the document's passages it is, from 1.
        start: its first character in the document, from 0.
        end: the character after its last.
    """

    number: Annotated[StrictInt, Field(ge=1)]
    start: Count
    end: Count


class LongDocument(Message):
    """A document that was longer than the model's context, with the query.

    Attributes:
        index: of the document as submitted.
        action: what was done.
        tokens: how many it has, counted or estimated.
        passages: how many of them were read; 1 when it was truncated.
        read_characters: how many of its first characters were read, in one passage or several.
    """

    index: Count
    action: LongDocuments
    tokens: Count
    passages: Count
    read_characters: Count
