"""What a dialect is: how a vendor is asked, how it answers, and the facts that settings need.

What most have in common stands here: a body with model, query, documents and the number wanted;
an answer whose rows stand in `results`, and whose usage is `usage.total_tokens`. A dialect says
what is otherwise with it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.reading import count, member, read_scores, text
from rerankq_worker.upstream.errors import Refused, TooLarge
from rerankq_worker.upstream.port import Answer

Options = Mapping[str, int]

NO_OPTIONS: Final[Mapping[str, tuple[int, ...]]] = {}


class Dialect:
    """One vendor's request and answer.

    Args:
        options: those of `known_options` that are set; what is not set is left to the vendor.

    Attributes:
        vendor: its name, for messages.
        auth_prefix: what usually stands before a key in the Authorization header.
        is_own_server: whether people run it themselves, with any key or none.
        known_options: by the vendor's own names, what one may be beside a number from 1 on.
        most_documents: how many it takes in one call; None where no limit is documented.
        wanted: its name for how many results are wanted.
        results: where in an answer its rows stand.
        score: its name for the score of a row.
        request_id: its name for its id of the call, in the body.
    """

    vendor: ClassVar[str]
    auth_prefix: ClassVar[str] = "Bearer "
    is_own_server: ClassVar[bool] = False
    known_options: ClassVar[Mapping[str, tuple[int, ...]]] = NO_OPTIONS
    most_documents: ClassVar[int | None] = None
    wanted: ClassVar[str] = "top_n"
    results: ClassVar[tuple[str, ...]] = ("results",)
    score: ClassVar[str] = "relevance_score"
    request_id: ClassVar[str] = "id"

    def __init__(self, **options: int) -> None:
        self.options: Options = options

    @classmethod
    def options_fault(cls, options: Options) -> str | None:
        """What is wrong with options that were set; None when nothing is."""
        for name, value in options.items():
            if name not in cls.known_options:
                has = ", ".join(cls.known_options)
                said = f"known are {has}" if has else "it has none"
                return f"the dialect {cls.__name__.lower()} has no option of that name: {said}"
            allowed = cls.known_options[name]
            if value < 1 and value not in allowed:
                return f"{name} must be {' or '.join([*map(str, allowed), 'at least 1'])}"
        return None

    def check(self, request: RerankRequest, model: str) -> None:
        """See whether the vendor could take a request at all, before a way to it is chosen.

        Args:
            request: what to rank.
            model: the name that this site gives the model.

        Raises:
            TooLarge: more than the vendor's documented limits allow; it is not worth a call.
            Refused: an instruction, for a model that takes none: dropped, it would give another
                ranking than the one that was asked for.
        """
        self.require_at_most(self.most_documents, request)
        if request.instruction is not None and not self.takes_instruction(model):
            raise Refused(
                f"{model} at {self.vendor} takes no instruction; leave it out, or put it into the "
                "query"
            )

    def require_at_most(self, documents: int | None, request: RerankRequest) -> None:
        """Hold a request to a number of documents.

        Raises:
            TooLarge: it has more.
        """
        given = len(request.documents)
        if documents is not None and given > documents:
            raise TooLarge(
                f"{given:,} documents are over the {documents:,} that {self.vendor} takes in one "
                "call; send fewer"
            )

    def takes_instruction(self, model: str) -> bool:  # noqa: ARG002  some look at the model
        """Whether a model takes an instruction."""
        return False

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """The body to post, of a request that was checked.

        Args:
            request: what to rank.
            model: the name that this site gives the model.
        """
        return orjson.dumps(self.body(request, model))

    def body(self, request: RerankRequest, model: str) -> dict[str, Any]:
        """The same, before it is written."""
        body: dict[str, Any] = {
            "model": model,
            "query": request.query,
            "documents": request.texts(),
            self.wanted: request.wanted,
            **self.options,
        }
        if request.instruction is not None:
            body["instruction"] = request.instruction
        return body

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """Read the decoded JSON of an answer with status 200.

        Args:
            body: the JSON.
            request: what was to be ranked.
            request_id: what the answer's headers gave; the body's own id stands in for it.

        Raises:
            Malformed: the answer is incomplete or contradicts itself.
        """
        rows = member(body, *self.results) if self.results else body
        scores = read_scores(rows, request, field=self.score)
        prompt_tokens, total_tokens = self.usage(body)
        own_id = text(member(body, self.request_id))
        return Answer(scores, prompt_tokens, total_tokens, request_id or own_id)

    def usage(self, body: Any) -> tuple[int, int]:
        """Tokens of the prompt, and in all; 0 where the vendor does not say."""
        total = count(member(body, "usage", "total_tokens"))
        # Where the total alone is given: a reranker reads all its tokens and writes none.
        return count(member(body, "usage", "prompt_tokens")) or total, total
