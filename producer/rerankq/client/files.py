"""Files that were uploaded to a gateway: what the ledger knows of each.

The asynchronous client has `Files` itself; the bytes are with the gateway.
"""

from collections.abc import Iterator
from typing import Protocol

from rerankq.client.caller import Caller
from rerankq.contract import FileRecord
from rerankq.ledger.files import Files, new_file_id

__all__ = ["BlockingFiles", "Files", "new_file_id"]


class HasFiles(Protocol):
    """The asynchronous client, as far as it is needed here."""

    @property
    def files(self) -> Files:
        """Its files."""


class BlockingFiles:
    """`Files` for code without an event loop; it says what each method does and raises."""

    def __init__(self, caller: Caller[HasFiles]) -> None:
        self._caller = caller

    def get(self, file_id: str) -> FileRecord:
        """A file."""
        return self._caller.call(lambda client: client.files.get(file_id))

    def list(
        self, *, after: str | None = None, ascending: bool = False, purpose: str | None = None
    ) -> Iterator[FileRecord]:
        """The files, the newest first."""
        return self._caller.each(
            lambda client: client.files.list(after=after, ascending=ascending, purpose=purpose)
        )

    def remove(self, file_id: str) -> FileRecord:
        """Forget a file; its gateway deletes the bytes when their time is over."""
        return self._caller.call(lambda client: client.files.remove(file_id))
