"""A dialect: a vendor's format of requests and answers, and the facts that settings need.

The base class is what most vendors have in common: a body with model, query, documents and the
number of results; an answer with rows in `results` and tokens in `usage.total_tokens`. Each dialect
overrides what differs.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.dialects.reading import count, member, read_scores, text
from rerankq_worker.upstream.errors import Refused, TooLarge
from rerankq_worker.upstream.port import Answer

Options = Mapping[str, int]

NO_OPTIONS: Final[Mapping[str, tuple[int, ...]]] = {}


class Dialect:
    """One vendor's request and answer.

    Args:
        options: the options that are set; for others the vendor's defaults hold.

    Attributes:
        vendor: the vendor's name, for messages.
        known_as: the dialect's name in settings; empty if it is that of the class.
        auth_prefix: what usually precedes the key in the Authorization header.
        is_own_server: whether users run this server themselves, with any key or none.
        known_options: by the vendor's names, which values are allowed besides numbers from 1 on.
        most_documents: how many documents a call may have; None if no limit is documented.
        scores_pairs: whether a call may have a query for each document: see `PairsRequest`.
        wanted: the vendor's name for the number of results.
        results: the path of the rows in an answer.
        score: the vendor's name for the score of a row.
        request_id: the vendor's name for its request id in the body.
    """

    vendor: ClassVar[str]
    known_as: ClassVar[str] = ""
    auth_prefix: ClassVar[str] = "Bearer "
    is_own_server: ClassVar[bool] = False
    known_options: ClassVar[Mapping[str, tuple[int, ...]]] = NO_OPTIONS
    most_documents: ClassVar[int | None] = None
    scores_pairs: ClassVar[bool] = False
    wanted: ClassVar[str] = "top_n"
    results: ClassVar[tuple[str, ...]] = ("results",)
    score: ClassVar[str] = "relevance_score"
    request_id: ClassVar[str] = "id"

    def __init__(self, **options: int) -> None:
        self.options: Options = options

    @classmethod
    def options_fault(cls, options: Options) -> str | None:
        """What is wrong with the options, in words; None if nothing is."""
        for name, value in options.items():
            if name not in cls.known_options:
                has = ", ".join(cls.known_options)
                said = f"known are {has}" if has else "it has none"
                own = cls.known_as or cls.__name__.lower()
                return f"the dialect {own} has no option of that name: {said}"
            allowed = cls.known_options[name]
            if value < 1 and value not in allowed:
                return f"{name} must be {' or '.join([*map(str, allowed), 'at least 1'])}"
        return None

    def check(self, request: RerankRequest, model: str) -> None:
        """Check whether the vendor could take a request, before a route to it is chosen.

        Args:
            request: what to rank.
            model: this site's name for the model.

        Raises:
            TooLarge: the request is over the vendor's documented limits.
            Refused: the model takes no instruction. Without its instruction the request would get
                another ranking than the user asked for.
        """
        self.require_at_most(self.most_documents, request)
        if request.instruction is not None and not self.takes_instruction(model):
            raise Refused(
                f"{model} at {self.vendor} takes no instruction; leave it out, or put it into the "
                "query"
            )

    def require_at_most(self, documents: int | None, request: RerankRequest) -> None:
        """Refuse a request with more documents than this.

        Raises:
            TooLarge: it has more.
        """
        given = len(request.documents)
        if documents is not None and given > documents:
            raise TooLarge(
                f"{given:,} documents are over the {documents:,} that {self.vendor} takes in one "
                "call; send fewer"
            )

    def call_limits(self) -> CallLimits:
        """What one call may have; a job with more needs several."""
        return CallLimits(documents=self.most_documents)

    def takes_instruction(self, model: str) -> bool:  # noqa: ARG002  some look at the model
        """Whether a model takes an instruction."""
        return False

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """The body to post; call `check` before.

        Args:
            request: what to rank.
            model: this site's name for the model.
        """
        return orjson.dumps(self.body(request, model))

    def body(self, request: RerankRequest, model: str) -> dict[str, Any]:
        """The same as an object."""
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
        """Read the decoded JSON of a successful answer (2xx).

        Args:
            body: the JSON.
            request: what was to be ranked.
            request_id: the id in the answer's headers; without one, the id in the body is used.

        Raises:
            Malformed: the answer is incomplete or contradicts itself.
        """
        rows = member(body, *self.results) if self.results else body
        scores = read_scores(rows, request, field=self.score)
        prompt_tokens, total_tokens = self.usage(body)
        request_id = request_id or text(member(body, self.request_id))
        return Answer(scores, prompt_tokens, total_tokens, request_id)

    def usage(self, body: Any) -> tuple[int, int]:
        """Tokens of the prompt, and in total; 0 if the vendor does not report them."""
        total = count(member(body, "usage", "total_tokens"))
        # If only the total is given, it is the prompt's: a reranker writes no tokens.
        return count(member(body, "usage", "prompt_tokens")) or total, total
