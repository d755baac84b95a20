"""What a file of jobs is made of, and what it will cost: counted job by job, without any call."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from rerankq.contract import Job
from rerankq.cost.pairs import PairTally
from rerankq.cost.prices import Price, Prices
from rerankq.cost.sampling import SAMPLE, Count, SampledCount
from rerankq.cost.tokens import load

NO_LIMIT: Final = 2**63


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What one call may have; None without a limit."""

    documents: int | None = None
    tokens: int | None = None

    def calls(self, documents: int, tokens: int) -> int:
        """How many calls a job of so many documents and tokens becomes."""
        by_documents = -(-documents // (self.documents or NO_LIMIT))
        by_tokens = -(-tokens // (self.tokens or NO_LIMIT))
        # No call is without a document, however many tokens there are.
        return max(1, by_documents, min(by_tokens, documents))


@dataclass(slots=True)
class ModelPlan:
    """The share of one model.

    Attributes:
        jobs: its jobs.
        estimated: their estimated tokens, without documents that repeat within a job.
        calls: calls after splitting.
        searches: what these count as, where the model is billed by the search.
        counted: its tokens by an exact counter; None where there is none.
        price: None where it is unknown.
    """

    jobs: int = 0
    estimated: int = 0
    calls: int = 0
    searches: int = 0
    counted: SampledCount | None = None
    price: Price | None = None

    @property
    def tokens(self) -> int:
        """Its tokens, as exactly as they are known."""
        return self.counted.total() if self.counted else self.estimated

    @property
    def cost(self) -> Decimal | None:
        """What it costs, in the price's currency; None where the price is unknown."""
        if self.price is None:
            return None
        return self.price.cost(tokens=self.tokens, searches=self.searches)


@dataclass(slots=True)
class Plan:
    """What a file of jobs is made of.

    Attributes:
        jobs: lines that are jobs.
        bad_lines: lines that are none.
        documents: of all jobs, as they are submitted.
        repeated_in_job: documents that their job has twice: they are sent once.
        repeated_pairs: pairs of query and document that an earlier job has: reuse saves them.
        models: the share of each model.
        tokens_a_job: jobs by the bit length of their tokens: 11 stands for 1,024 to 2,047.
        documents_a_job: the same of their documents.
    """

    jobs: int = 0
    bad_lines: int = 0
    documents: int = 0
    repeated_in_job: int = 0
    repeated_pairs: int = 0
    models: dict[str, ModelPlan] = field(default_factory=dict)
    tokens_a_job: Counter[int] = field(default_factory=Counter)
    documents_a_job: Counter[int] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """Tokens of all jobs, as exactly as they are known."""
        return sum(each.tokens for each in self.models.values())

    @property
    def error(self) -> float:
        """The half width of the 95 % interval of `tokens`; 0 if none was sampled."""
        return math.hypot(*(each.counted.error() for each in self.models.values() if each.counted))

    @property
    def reusable(self) -> int:
        """Tokens of pairs that repeat, about: as if all pairs had the same."""
        return round(self.tokens * self.repeated_pairs / self.pairs) if self.pairs else 0

    @property
    def calls(self) -> int:
        """Calls of all jobs."""
        return sum(each.calls for each in self.models.values())

    @property
    def pairs(self) -> int:
        """Pairs that are sent without reuse."""
        return self.documents - self.repeated_in_job


def no_counter(_model: str) -> None:
    """Where tokens can only be estimated."""


class Planner:
    """Adds up jobs.

    Args:
        limits: of one call.
        prices: of models.
        pairs: counts pairs that repeat.
        counter_of: gives the exact counter of a model; None where it can only be estimated.
        sample: jobs of a model that are counted exactly; None for all.
    """

    def __init__(
        self,
        limits: CallLimits,
        prices: Prices,
        pairs: PairTally,
        *,
        counter_of: Callable[[str], Count | None] = no_counter,
        sample: int | None = SAMPLE,
    ) -> None:
        self.plan = Plan()
        self._limits = limits
        self._prices = prices
        self._pairs = pairs
        self._counter_of = counter_of
        self._sample = sample

    def add(self, job: Job) -> None:
        """Add a job."""
        request, plan = job.request, self.plan
        submitted = request.texts()
        documents: Sequence[str] = submitted
        if len(set(submitted)) < len(submitted):
            documents = list(dict.fromkeys(submitted))
        tokens = load(request.query, documents)
        self._pairs.add((request.model, request.instruction, request.query), documents)
        plan.jobs += 1
        plan.documents += len(submitted)
        plan.repeated_in_job += len(submitted) - len(documents)
        plan.tokens_a_job[tokens.bit_length()] += 1
        plan.documents_a_job[len(submitted).bit_length()] += 1
        share = self._share_of(request.model)
        if share.counted:
            share.counted.add(request.query, documents, tokens)
        self._add_to(share, len(documents), tokens)

    def _share_of(self, model: str) -> ModelPlan:
        share = self.plan.models.get(model)
        if share is None:
            count = self._counter_of(model)
            counted = SampledCount(count, size=self._sample) if count else None
            share = ModelPlan(counted=counted, price=self._prices.of(model))
            self.plan.models[model] = share
        return share

    def _add_to(self, share: ModelPlan, documents: int, tokens: int) -> None:
        calls = self._limits.calls(documents, tokens)
        share.jobs += 1
        share.estimated += tokens
        share.calls += calls
        # Parts of a job have the same number of documents, but for the last.
        searches = share.price.searches(-(-documents // calls)) if share.price else 1
        share.searches += calls * searches

    def finish(self) -> Plan:
        """The plan, once all jobs were added."""
        self.plan.repeated_pairs = self._pairs.pairs - self._pairs.different()
        return self.plan
