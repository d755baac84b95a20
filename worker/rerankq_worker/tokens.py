"""How many tokens a call costs, estimated: the upstream's own figures can all be 0.

By class of character, after Qwen's tokenizer: on average within 15 % of its count.
Source of the load: a reranker reads the query once with every document.
"""

import re
from collections.abc import Sequence
from typing import Final

_CJK: Final = re.compile(r"(?=\w)[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")
_DIGIT: Final = re.compile(r"[0-9]")
_WORD: Final = re.compile(r"[^\W\d_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]+")
_PUNCTUATION: Final = re.compile(r"[^\w\s]")

CJK_TOKENS: Final = 0.68
DIGIT_TOKENS: Final = 1.0
WORD_TOKENS: Final = 1.0
PUNCTUATION_TOKENS: Final = 0.8


def estimate(text: str) -> float:
    """Tokens of one text."""
    return (
        CJK_TOKENS * len(_CJK.findall(text))
        + DIGIT_TOKENS * len(_DIGIT.findall(text))
        + WORD_TOKENS * len(_WORD.findall(text))
        + PUNCTUATION_TOKENS * len(_PUNCTUATION.findall(text))
    )


def load(query: str, documents: Sequence[str]) -> int:
    """Tokens of a call: the query once with each document, and the documents."""
    return round(estimate(query) * len(documents) + sum(map(estimate, documents)))
