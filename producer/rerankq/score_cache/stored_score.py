"""How the score of a pair is stored: 8 bytes of the number, 4 of a check.

The check covers the key of the pair, the epoch of its source and the format. So a damaged entry,
one of another pair or another program, and one of an epoch that is over count as unknown.
"""

import struct
from collections.abc import Mapping
from math import isfinite
from typing import Final
from zlib import crc32

KEY_BYTES: Final = 12
STORED_BYTES: Final = 12
UNKNOWN: Final = bytes(STORED_BYTES)
_FORMAT: Final = b"\x01"
_NUMBER: Final = struct.Struct(">d")
_CHECK: Final = struct.Struct(">I")


def entries(scores: Mapping[bytes, float], epoch: bytes) -> list[bytes]:
    """Scores as they are stored, each with the key of its pair.

    Args:
        scores: finite numbers, by the keys of their pairs.
        epoch: of their source.
    """
    number, check, start = _NUMBER.pack, _CHECK.pack, crc32(_FORMAT + epoch)
    told = [key + number(score) for key, score in scores.items()]
    return [each + check(crc32(each, start)) for each in told]


def score_of(key: bytes, found: bytes, epoch: bytes) -> float | None:
    """The score that was stored for a pair, exactly; None for anything else.

    Args:
        key: of the pair.
        found: what is stored under it.
        epoch: of its source.
    """
    if found == UNKNOWN or len(found) != STORED_BYTES:
        return None
    if _CHECK.unpack_from(found, 8)[0] != crc32(key + found[:8], crc32(_FORMAT + epoch)):
        return None
    score: float = _NUMBER.unpack_from(found)[0]
    return score if isfinite(score) else None
