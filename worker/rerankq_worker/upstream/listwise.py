"""Which models are listwise: they score documents by comparing them with the others of the call.

All others are pointwise: the score of a document depends on it and the query alone, so it can be
used again beside other documents.
"""

import re
from typing import Final

_KNOWN: Final = re.compile(r"jina-reranker-v3|rank-?(gpt|zephyr|vicuna)|listwise", re.IGNORECASE)


def is_known_listwise(model: str) -> bool:
    """Whether the vendor's name of a model says that it is listwise."""
    return _KNOWN.search(model) is not None
