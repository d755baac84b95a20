"""What is measured of one question, and of all questions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from rerankq_worker.comparison.calling import Answered, Unanswered
from rerankq_worker.comparison.confidence import Mean, mean_of
from rerankq_worker.comparison.quality import NAMES, quality
from rerankq_worker.comparison.questions import Question
from rerankq_worker.upstream.agreement import TOPS, Agreement, agreement


@dataclass(frozen=True, slots=True)
class Compared:
    """One question with both sides' answers, without any text of it.

    Attributes:
        name: of the question.
        documents: how many it has.
        answers: of both sides.
        agreement: of both rankings; None if a side has none.
        quality: of each side, by measure; empty without judgements.
    """

    name: str
    documents: int
    answers: tuple[Answered | Unanswered, Answered | Unanswered]
    agreement: Agreement | None
    quality: tuple[Mapping[str, float], Mapping[str, float]]


def compared(
    question: Question, one: Answered | Unanswered, other: Answered | Unanswered
) -> Compared:
    """Measure both answers to a question."""
    agreed, documents = None, len(question.request.documents)
    measured: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {})
    if isinstance(one, Answered) and isinstance(other, Answered):
        agreed = agreement(one.scores, other.scores, documents=documents)
        if question.grades is not None:
            measured = quality(one.scores, question.grades), quality(other.scores, question.grades)
    return Compared(question.name, documents, (one, other), agreed, measured)


@dataclass(frozen=True, slots=True)
class Side:
    """The sums of one side.

    Attributes:
        failed: by code: how many questions have no answer.
        messages: by code: the first message.
        seconds: of each call that brought scores.
    """

    answered: int
    failed: Mapping[str, int]
    messages: Mapping[str, str]
    calls: int
    tokens: int
    seconds: Sequence[float] = field(repr=False)

    def latency(self, share: float) -> float | None:
        """The time within which that share of the calls was answered, in seconds."""
        if not self.seconds:
            return None
        ordered = sorted(self.seconds)
        return ordered[max(0, ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Totals:
    """What all questions show together.

    Attributes:
        both: how many questions both sides answered.
        sides: the sums of each.
        overlap: by length of the head.
        quality: by measure: of each side, and the second less the first, for each question.
    """

    questions: int
    both: int
    sides: tuple[Side, Side]
    overlap: Mapping[int, Mean]
    rank_correlation: Mean | None
    quality: Mapping[str, tuple[Mean, Mean, Mean]]


def totals(rows: Sequence[Compared]) -> Totals:
    """Sum up."""
    agreed = [each.agreement for each in rows if each.agreement]
    correlations = [each.rank_correlation for each in agreed]
    return Totals(
        questions=len(rows),
        both=len(agreed),
        sides=(_side(each.answers[0] for each in rows), _side(each.answers[1] for each in rows)),
        overlap={
            top: mean
            for top in TOPS
            if (mean := mean_of([each.overlap[top] for each in agreed if top in each.overlap]))
        },
        rank_correlation=mean_of([each for each in correlations if each is not None]),
        quality=_quality([each.quality for each in rows if each.quality[0]]),
    )


def _side(answers: Iterable[Answered | Unanswered]) -> Side:
    failed: dict[str, int] = {}
    messages: dict[str, str] = {}
    seconds: list[float] = []
    answered = calls = tokens = 0
    for each in answers:
        calls += each.calls
        if isinstance(each, Unanswered):
            failed[each.code] = failed.get(each.code, 0) + 1
            messages.setdefault(each.code, each.message)
        else:
            answered, tokens = answered + 1, tokens + each.tokens
            seconds.append(each.seconds)
    return Side(answered, failed, messages, calls, tokens, seconds)


def _quality(
    pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]],
) -> Mapping[str, tuple[Mean, Mean, Mean]]:
    found = {}
    for name in NAMES:
        one, other = [each[name] for each, _ in pairs], [each[name] for _, each in pairs]
        more = [b - a for a, b in zip(one, other, strict=True)]
        means = mean_of(one), mean_of(other), mean_of(more)
        if means[0] and means[1] and means[2]:
            found[name] = (means[0], means[1], means[2])
    return found
