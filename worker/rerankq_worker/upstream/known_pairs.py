"""Questions whose best answer is beyond doubt, and what scores of them show about a reranker.

Only scores that no working reranker gives are nonsense. A weak model may put the right document
second, and some models give raw logits such as -8.3: neither is nonsense.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rerankq.contract import RerankRequest
from rerankq.cost.tokens import load
from rerankq_worker.upstream.errors import NotANumber, UpstreamError
from rerankq_worker.upstream.port import Answer

MOST: Final = 1000.0
"""Logits lie between -20 and 20, percentages go up to 100. A score beyond this is no score."""
SAME: Final = 1e-6
"""Scores that differ by a smaller part of themselves are equal."""


class ScoreFault(StrEnum):
    """What makes scores nonsense. The names are stable: events, logs and `doctor` show them."""

    ALL_EQUAL = "all_equal"
    REVERSED = "reversed"
    """The document that answers the question is the worst of all."""
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"

    @property
    def in_words(self) -> str:
        """The same for people, to follow "its scores of known pairs"."""
        return _IN_WORDS[self]


_IN_WORDS: Final = {
    ScoreFault.ALL_EQUAL: "are all equal",
    ScoreFault.REVERSED: "are reversed: the best document is the last",
    ScoreFault.NOT_A_NUMBER: "are no numbers",
    ScoreFault.OUT_OF_RANGE: f"are beyond {MOST:,.0f}",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A query and some documents.

    Attributes:
        documents: one answers the query, the others have nothing to do with it.
        best: index of the one that answers it.
    """

    query: str
    documents: tuple[str, ...]
    best: int

    def request(self, model: str) -> RerankRequest:
        """The request that asks it; `model` is the site's name for the model."""
        return RerankRequest(
            model=model, query=self.query, documents=self.documents, return_documents=False
        )

    @property
    def tokens(self) -> int:
        """What one call with it costs, estimated."""
        return load(self.query, self.documents)


QUESTIONS: Final = (
    Question(
        "What is the capital of France?",
        (
            "Bananas are rich in potassium and easy to digest.",
            "The capital of France is Paris.",
            "Press the red button to restart the printer.",
            "The match ended in a draw after extra time.",
        ),
        best=1,
    ),
    Question(
        "如何预防感冒",
        (
            "今天股市成交量创下新高。",
            "打印机缺纸时红灯会闪烁。",
            "这家餐厅的烤鱼很受欢迎。",
            "预防感冒应勤洗手、戴口罩。",
        ),
        best=3,
    ),
    Question(
        "How do I boil an egg?",
        (
            "To boil an egg, put the egg into boiling water for eight minutes.",
            "The museum is closed on Mondays and public holidays.",
            "Share prices fell sharply on Tuesday.",
            "Her new novel is set in the mountains of Peru.",
        ),
        best=0,
    ),
    Question(
        "水在多少度沸腾",
        (
            "他每天早上六点去公园跑步。",
            "合同应当由双方签字并盖章。",
            "水在一百度的时候沸腾。",
            "火车站附近新开了一家书店。",
        ),
        best=2,
    ),
)
"""A check asks one of them, so it is one small call; a repeat asks another one."""

CALL_TOKENS: Final = max(each.tokens for each in QUESTIONS)
"""What one call costs at most, estimated."""


def fault_of(question: Question, answer: Answer) -> ScoreFault | None:
    """What makes the scores of an answer nonsense; None for scores that a reranker may give."""
    # Raw: probabilities of large logits are equal although the model tells its documents apart.
    scores = {each.index: each.raw for each in answer.scores}
    highest, lowest = max(scores.values()), min(scores.values())
    size = max(abs(highest), abs(lowest))
    if size > MOST:
        return ScoreFault.OUT_OF_RANGE
    if highest - lowest <= SAME * size:
        return ScoreFault.ALL_EQUAL
    others = (score for index, score in scores.items() if index != question.best)
    return ScoreFault.REVERSED if scores[question.best] < min(others) else None


def is_best_first(question: Question, answer: Answer) -> bool:
    """Whether the document that answers the question has the highest score."""
    return answer.scores[0].index == question.best


def fault_in(error: UpstreamError) -> ScoreFault | None:
    """What an error shows about the scores; None if it shows nothing about them."""
    causes = error, error.__cause__  # a call's guard may wrap what the provider raised
    return ScoreFault.NOT_A_NUMBER if any(isinstance(e, NotANumber) for e in causes) else None
