"""The scores of a part as they are kept in Redis: by document, never with its text.

A line of JSON about the call, then 16 bytes of a hash for each document, then two numbers for each:
its score, and the score as the site gave it if that is another one, else NaN. So a later attempt
recognises what it needs no more, however it divides the job.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.port import Answer, Score

_DIGEST_BYTES: Final = 16
_NUMBERS: Final = 2


@dataclass(frozen=True, slots=True)
class KeptPart:
    """What one call has brought.

    Attributes:
        source: says from where scores come: only those of the same source may be merged.
        scores: by the hash of the document.
        answer: about the call: its tokens and the scale of its scores; without scores.
    """

    source: str
    scores: dict[bytes, tuple[float, float | None]]
    answer: Answer


def document_hash(text: str) -> bytes:
    """The hash of a document."""
    return hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES
    ).digest()


def packed(source: str, request: RerankRequest, answer: Answer) -> tuple[str, bytes]:
    """The name of a part, and what its call has brought, as they are kept.

    Args:
        source: see `KeptPart`.
        request: what the call asked for.
        answer: what it brought.
    """
    hashes = [document_hash(text) for text in request.texts()]
    about = {
        "source": source,
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.total_tokens,
        "scale": answer.scale,
    }
    numbers: list[float] = []
    for score in answer.scores:
        numbers += (score.relevance_score, math.nan if score.given is None else score.given)
    documents = b"".join(hashes[score.index] for score in answer.scores)
    name = hashlib.blake2b(source.encode() + b"".join(hashes), digest_size=12).hexdigest()
    body = documents + struct.pack(f"<{len(numbers)}d", *numbers)
    return name, orjson.dumps(about) + b"\n" + body


def unpacked(kept: bytes) -> KeptPart | None:
    """What was kept; None if it is damaged, or of a version that writes it in another way."""
    head, _, body = kept.partition(b"\n")
    each = _DIGEST_BYTES + _NUMBERS * 8
    count, rest = divmod(len(body), each)
    try:
        about: dict[str, Any] = orjson.loads(head)
        answer = Answer(
            scores=(),
            prompt_tokens=int(about["prompt_tokens"]),
            total_tokens=int(about["total_tokens"]),
            request_id=None,
            scale=about["scale"],
        )
        source = str(about["source"])
    except (ValueError, TypeError, KeyError):
        return None
    if rest:
        return None
    numbers = struct.unpack(f"<{_NUMBERS * count}d", body[_DIGEST_BYTES * count :])
    if not all(map(math.isfinite, numbers[::_NUMBERS])):
        return None
    hashes = (body[at : at + _DIGEST_BYTES] for at in range(0, _DIGEST_BYTES * count, 16))
    scores = dict(zip(hashes, _pairs(numbers), strict=True))
    return KeptPart(source, scores, answer)


def _pairs(numbers: Sequence[float]) -> list[tuple[float, float | None]]:
    return [
        (score, None if math.isnan(given) else given)
        for score, given in zip(numbers[::2], numbers[1::2], strict=True)
    ]


def known(parts: Sequence[KeptPart], source: str, request: RerankRequest) -> dict[int, Score]:
    """The scores of those documents of a request that are kept, by index.

    Args:
        parts: what is kept.
        source: from where scores are wanted.
        request: what is to be ranked.
    """
    scores: dict[bytes, tuple[float, float | None]] = {}
    for part in parts:
        if part.source == source:
            scores |= part.scores
    if not scores:
        return {}
    found = enumerate(map(document_hash, request.texts()))
    return {index: Score(index, *scores[each]) for index, each in found if each in scores}
