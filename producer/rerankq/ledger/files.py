"""Uploaded files: what is known of each. Their bytes are with whoever took them in."""

import re
import secrets
from collections.abc import AsyncGenerator
from typing import Any, Final

from rerankq.contract.file import FileRecord
from rerankq.errors import InvalidRequest, UnknownFile
from rerankq.store.store import Store

PAGE: Final = 200
OLDEST: Final = 20
"""So many of the oldest entries are looked at with each new file: so lists do not grow."""
_ID: Final = re.compile(r"file-[0-9a-f]{32}")


def new_file_id() -> str:
    """An id that no other file has, and that cannot be guessed."""
    return f"file-{secrets.token_hex(16)}"


class Files:
    """The files. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are noted.
        tenant: whose files it sees and makes; None for the operator, who sees all.
    """

    def __init__(self, store: Store, *, tenant: str | None = None) -> None:
        self._store = store
        self._keys = store.keys
        self._tenant = tenant

    def for_tenant(self, tenant: str | None) -> "Files":
        """The files of a tenant: those of others are not found."""
        return Files(self._store, tenant=tenant)

    async def add(
        self,
        file_id: str,
        *,
        filename: str,
        size: int,
        sha256: str,
        purpose: str,
        kept_seconds: float | None,
    ) -> FileRecord:
        """Note a file, whose bytes must be kept already.

        Args:
            file_id: from `new_file_id`.
            filename: the uploader's own name for it.
            size: in bytes.
            sha256: of its bytes, in hexadecimal digits.
            purpose: what it was uploaded for.
            kept_seconds: after how long it is deleted; None for never.

        Raises:
            InvalidRequest: names the argument.
        """
        seconds, micros = await self._store.command("TIME")
        created_us = int(seconds) * 1_000_000 + int(micros)
        record = FileRecord.parse(
            {
                "id": file_id,
                "filename": filename,
                "bytes": size,
                "sha256": sha256,
                "purpose": purpose,
                "tenant": self._tenant,
                "created_at": created_us / 1_000_000,
                "expires_at": None
                if kept_seconds is None
                else created_us / 1_000_000 + kept_seconds,
            }
        )
        key = self._keys.file(file_id)
        commands: list[tuple[str | int | bytes, ...]] = [("HSET", key, "record", record.encode())]
        if record.expires_at is not None:
            # Redis forgets it by its own clock: no gateway's clock decides whether it is there.
            commands.append(("PEXPIREAT", key, int(record.expires_at * 1000)))
        lists = self._lists(self._tenant)
        commands += [("ZADD", each, created_us, file_id) for each in lists]
        await self._store.commands(*commands, all_or_none=True)
        for each in lists:
            await self._forget_gone(each)
        return record

    async def get(self, file_id: str) -> FileRecord:
        """A file.

        Raises:
            UnknownFile: none has that id, any more.
        """
        if _ID.fullmatch(file_id):
            (stored,) = await self._store.readings(("HGET", self._keys.file(file_id), "record"))
            record = _record(stored)
            if record and self._tenant in (None, record.tenant):
                return record
        raise UnknownFile(
            f"no file has the id {file_id[:64]}: check the id; it may be deleted or have expired"
        )

    async def list(
        self, *, after: str | None = None, ascending: bool = False, purpose: str | None = None
    ) -> AsyncGenerator[FileRecord, None]:
        """The files, the newest first; read a page at a time.

        Args:
            after: the id of the last one that was seen; they go on behind it.
            ascending: the oldest first.
            purpose: only those that were uploaded for it.

        Raises:
            UnknownFile: no file has the id `after`.
        """
        score = None if after is None else int((await self.get(after)).created_at * 1_000_000)
        async for file_id in self._listed(score, after, ascending=ascending):
            try:
                record = await self.get(file_id)
            except UnknownFile:
                continue  # it expired, and leaves the list with the next upload
            if purpose in (None, record.purpose):
                yield record

    async def remove(self, file_id: str) -> FileRecord:
        """Forget a file; returns what was known of it, to delete its bytes.

        Raises:
            UnknownFile: none has that id, any more.
        """
        record = await self.get(file_id)
        await self._store.commands(
            ("DEL", self._keys.file(file_id)),
            *(("ZREM", each, file_id) for each in self._lists(record.tenant)),
            all_or_none=True,
        )
        return record

    def _lists(self, tenant: str | None) -> tuple[str, ...]:
        """The lists that name a tenant's file."""
        if tenant is None:
            return (self._keys.files,)
        return (self._keys.files, self._keys.tenant_files(tenant))

    async def _listed(
        self, score: int | None, after: str | None, *, ascending: bool
    ) -> AsyncGenerator[str, None]:
        """The ids in a list, those behind `after`, which has that score."""
        key = self._keys.files if self._tenant is None else self._keys.tenant_files(self._tenant)
        command = "ZRANGEBYSCORE" if ascending else "ZREVRANGEBYSCORE"
        # A second more than needed, as a float of a score may be out by a microsecond.
        slack = 1_000_000
        bound = score if score is None else score + (-slack if ascending else slack)
        first = ("-inf" if ascending else "+inf") if bound is None else str(bound)
        last = "+inf" if ascending else "-inf"
        is_behind, start = after is None, 0
        while found := await self._store.command(command, key, first, last, "LIMIT", start, PAGE):
            for each in found:
                file_id = each.decode()
                if is_behind:
                    yield file_id
                is_behind = is_behind or file_id == after
            start += len(found)

    async def _forget_gone(self, key: str) -> None:
        """Take those that expired out of a list; they are among the oldest."""
        oldest = [each.decode() for each in await self._store.command("ZRANGE", key, 0, OLDEST - 1)]
        there = await self._store.readings(*(("EXISTS", self._keys.file(each)) for each in oldest))
        gone = [each for each, is_there in zip(oldest, there, strict=True) if not is_there]
        if gone:
            await self._store.command("ZREM", key, *gone)


def _record(stored: Any) -> FileRecord | None:
    """The record that is stored so; None when there is none, or what is there is damaged."""
    try:
        return FileRecord.parse(stored) if stored else None
    except InvalidRequest:
        return None
