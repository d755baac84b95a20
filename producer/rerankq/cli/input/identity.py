"""Which file an input is: its size, and a digest of its content or of a sample of it."""

import hashlib
from pathlib import Path
from typing import Final

from rerankq.cli.failures import CommandError

BLOCK_BYTES: Final = 1024 * 1024
WHOLE_BLOCKS: Final = 64
"""Up to so many blocks a file is read whole; of a larger one, so many blocks all over it."""


def identity(path: str) -> str:
    """The size and the digest of a file, wherever it lies and whenever it was written.

    Raises:
        CommandError: it cannot be read, or is no file.
    """
    try:
        if not Path(path).is_file():
            raise CommandError(f"--checkpoint needs files that can be read again: {path} is none")
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            digest = hashlib.blake2b(digest_size=16)
            last = max(0, size - BLOCK_BYTES)
            for number in range(WHOLE_BLOCKS):
                sampled = last * number // (WHOLE_BLOCKS - 1)
                file.seek(number * BLOCK_BYTES if size <= WHOLE_BLOCKS * BLOCK_BYTES else sampled)
                digest.update(file.read(BLOCK_BYTES))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    return f"{size:,} bytes, {digest.hexdigest()}"
