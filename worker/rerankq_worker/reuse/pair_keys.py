"""The keys of pairs: hashes of all that a score depends on."""

from collections.abc import Iterable
from hashlib import blake2b

import orjson

from rerankq.contract import RerankRequest
from rerankq.score_cache.stored_score import KEY_BYTES


def pair_keys(
    tenant: str | None, source: str, request: RerankRequest, texts: Iterable[str]
) -> list[bytes]:
    """The key of each text of a request.

    Texts are taken as they are sent, character by character: nothing is trimmed, folded or
    normalised.

    Args:
        tenant: whose job it is: tenants never use each other's scores.
        source: what gives the scores, see `sources`.
        request: has the query and the instruction.
        texts: what is sent of each document.
    """
    # JSON, so that no two lists of parts have the same bytes. The document follows the list.
    told = orjson.dumps([tenant, source, request.instruction, request.query])
    common = blake2b(told, digest_size=KEY_BYTES)
    copy, keys = common.copy, []
    for text in texts:
        pair = copy()
        pair.update(text.encode())
        keys.append(pair.digest())
    return keys
