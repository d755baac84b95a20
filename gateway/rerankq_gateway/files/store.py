"""The seam to where the bytes of files are: a folder, or another store with these methods."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple, Protocol


class StoredFile(NamedTuple):
    """A file that was taken in.

    Attributes:
        size: in bytes.
        sha256: in hexadecimal digits.
    """

    size: int
    sha256: str


class FileStore(Protocol):
    """Keeps the bytes of files, under the ids of the files.

    Each method raises GatewayError when the store cannot be used.
    """

    async def put(self, file_id: str, chunks: AsyncIterator[bytes], *, most: int) -> StoredFile:
        """Take a file in: it is there as a whole, and survives a power cut, when this returns.

        Call `keep` then: without it the file is deleted after a while.

        Args:
            file_id: its id, which no other file has.
            chunks: its bytes as they come.
            most: most bytes that it may have.

        Raises:
            GatewayError: 413 when it is larger, 507 when the store is full.
        """

    async def keep(self, file_id: str, seconds: float) -> None:
        """Say for how long a file is kept."""

    def read(self, file_id: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to before `end`, in portions.

        Raises:
            GatewayError: 404, the file is not here.
        """

    async def has(self, file_id: str) -> bool:
        """Whether the file is here."""

    async def size(self, file_id: str) -> int | None:
        """How many bytes it has; None when it is not here."""

    async def delete(self, file_id: str) -> None:
        """Delete a file; one that is not here is deleted already."""

    async def delete_expired(self) -> int:
        """Delete what is past its time, and what broken uploads have left; returns how many."""
