"""Files in a folder, which several gateways may share."""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypeVar

from rerankq_gateway.asgi.body import too_large
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.store import StoredFile

T = TypeVar("T")

PORTION: Final = 1024 * 1024
"""So much is written, or read, at once."""
_LOOK_BYTES: Final = 16 * PORTION
"""So often, in bytes of an upload, all files are counted: others may come in at the same time."""
_ID: Final = re.compile(r"file-[0-9a-f]{32}")
_COMING: Final = ".coming"
"""How the name ends while the upload goes on."""
_BROKEN_SECONDS: Final = 3600.0
"""Nothing was written to an upload for so long: its gateway was killed. A file whose time is over
stays as much longer, as clocks differ."""


class Directory:
    """Keeps each file in a folder under its id; its time of change is when it expires.

    Args:
        folder: the folder, which is made when it is needed.
        most: most bytes of all files together.
    """

    def __init__(self, folder: Path, *, most: int) -> None:
        self._folder = folder.expanduser()
        self._most = most

    async def put(self, file_id: str, chunks: AsyncIterator[bytes], *, most: int) -> StoredFile:
        """See `FileStore`."""
        coming = self._path(file_id, _COMING)
        room = self._most - await self._away(self._prepare)
        file = await self._away(lambda: _created(coming))
        try:
            stored = await self._filled(file, chunks, most=most, room=room)
            await self._check_room()
            await self._away(lambda: self._name(file, coming, self._path(file_id)))
        except BaseException:
            file.close()
            coming.unlink(missing_ok=True)
            raise
        return stored

    async def keep(self, file_id: str, seconds: float) -> None:
        """See `FileStore`."""
        times = time.time(), time.time() + seconds
        await self._away(lambda: os.utime(self._path(file_id), times))

    async def read(self, file_id: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """See `FileStore`."""
        path = self._path(file_id)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise GatewayError(
                *(404, "file_not_found"),
                f"the file {file_id} is not on this gateway's disk: gateways that run beside each "
                "other need one folder (RERANKQ_GATEWAY_FILES_DIR)",
            ) from None
        except OSError as error:
            raise self._unusable(error) from None
        with file:
            file.seek(start)
            left = end - start
            while left > 0:
                most = min(PORTION, left)
                data = await self._away(lambda: file.read(most))  # noqa: B023  awaited at once
                if not data:
                    raise self._unusable(OSError(0, "the file is shorter than it was"))
                left -= len(data)
                yield data

    async def has(self, file_id: str) -> bool:
        """See `FileStore`."""
        return await asyncio.to_thread(self._path(file_id).is_file)

    async def size(self, file_id: str) -> int | None:
        """See `FileStore`."""
        try:
            return (await asyncio.to_thread(self._path(file_id).stat)).st_size
        except FileNotFoundError:
            return None

    async def delete(self, file_id: str) -> None:
        """See `FileStore`."""
        await self._away(lambda: self._path(file_id).unlink(missing_ok=True))

    async def delete_expired(self) -> int:
        """See `FileStore`."""
        return await self._away(self._delete_expired)

    def used(self) -> int:
        """How many bytes all files have together."""
        return sum(size for _, size, _ in self._entries())

    def _path(self, file_id: str, ending: str = "") -> Path:
        if not _ID.fullmatch(file_id):
            raise ValueError("no id of a file")
        return self._folder / f"{file_id}{ending}"

    async def _away(self, work: Callable[[], T]) -> T:
        """Do what may wait for the disk, beside the event loop."""
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> GatewayError:
        return GatewayError(
            *(507, "no_room"),
            f"the gateway's folder for files cannot be used ({error.strerror}): ask the operator "
            "to make room, or to set RERANKQ_GATEWAY_FILES_DIR to a folder that can be written",
        )

    async def _check_room(self) -> None:
        """Refuse an upload once all files, and those that are coming, are more than there may be.

        Raises:
            GatewayError: 507.
        """
        if await self._away(self.used) > self._most:
            raise self._full()

    def _full(self) -> GatewayError:
        return GatewayError(
            *(507, "no_room"),
            f"all files together would have more than {self._most:,} bytes: delete some, "
            "or ask the operator to raise RERANKQ_GATEWAY_FILES_BYTES",
        )

    def _prepare(self) -> int:
        """Make the folder; returns how many bytes are in it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.used()

    async def _filled(
        self, file: IO[bytes], chunks: AsyncIterator[bytes], *, most: int, room: int
    ) -> StoredFile:
        digest = hashlib.sha256()
        size, gathered, waiting = 0, bytearray(), 0
        async for chunk in chunks:
            size += len(chunk)
            waiting += len(chunk)
            if size > most:
                raise too_large(most)
            if size > room:
                raise self._full()
            gathered += chunk
            if waiting >= PORTION:
                data, gathered, waiting = bytes(gathered), bytearray(), 0
                await self._away(lambda: _written(file, digest.update, data))  # noqa: B023
                if size // _LOOK_BYTES > (size - len(data)) // _LOOK_BYTES:
                    await self._check_room()
        await self._away(lambda: _written(file, digest.update, bytes(gathered)))
        return StoredFile(size, digest.hexdigest())

    def _name(self, file: IO[bytes], coming: Path, path: Path) -> None:
        """Give a file that is whole its name, so that a power cut cannot take it back."""
        file.flush()
        os.fsync(file.fileno())
        file.close()
        coming.rename(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _delete_expired(self) -> int:
        now, deleted = time.time(), 0
        for path, _, changed in self._entries():
            # One that was never kept changed last when it was written.
            if now > changed + _BROKEN_SECONDS:
                path.unlink(missing_ok=True)
                deleted += 1
        return deleted

    def _entries(self) -> list[tuple[Path, int, float]]:
        """Each of our files with its size and its time of change; no others are touched."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    if _ID.fullmatch(entry.name.removesuffix(_COMING)):
                        about = entry.stat(follow_symlinks=False)
                        found.append((Path(entry.path), about.st_size, about.st_mtime))
        return found


def _created(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)


def _written(file: IO[bytes], digest: Callable[[bytes], None], data: bytes) -> None:
    digest(data)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
