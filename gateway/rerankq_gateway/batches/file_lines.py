"""The lines of a file that was uploaded."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from rerankq.contract import MAX_JOB_BYTES
from rerankq.errors import UnknownFile
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.store import FileStore
from rerankq_gateway.lines import BadLine, Line, lines

_TOGETHER: Final = 100
_NOT_FOUND: Final = 404


async def file_lines(
    store: FileStore, file_id: str, size: int
) -> AsyncIterator[list[Line | BadLine]]:
    """The lines of a file of so many bytes, in portions after which others have their turn.

    Raises:
        UnknownFile: it was deleted while it was read.
        UnreadableLines: it cannot be split into lines.
    """
    try:
        async for portion in lines(store.read(file_id, 0, size), most_line=MAX_JOB_BYTES):
            for start in range(0, len(portion), _TOGETHER):
                yield portion[start : start + _TOGETHER]
                await asyncio.sleep(0)
    except GatewayError as error:
        if error.problem.status == _NOT_FOUND:
            raise UnknownFile("the file was deleted while it was read") from None
        raise
