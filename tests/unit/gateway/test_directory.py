import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.directory import Directory

IDS = [f"file-{digit * 32}" for digit in "abcd"]


async def given(*pieces: bytes) -> AsyncIterator[bytes]:
    """The bytes of a file as they come."""
    for piece in pieces:
        yield piece


async def broken(*pieces: bytes) -> AsyncIterator[bytes]:
    """An upload whose sender goes away."""
    for piece in pieces:
        yield piece
    raise ConnectionError


async def read(store: Directory, file_id: str, start: int, end: int) -> bytes:
    """These bytes of a file."""
    return b"".join([part async for part in store.read(file_id, start, end)])


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(each.name for each in folder.iterdir())


async def refusal(work: Awaitable[object]) -> int:
    """The status with which something is refused."""
    with pytest.raises(GatewayError) as refused:
        await work
    return refused.value.problem.status


def test_a_file_is_given_back_from_any_place(tmp_path: Path) -> None:
    """All of it, also when it is larger than a portion; only its owner may read the folder."""

    async def run() -> None:
        store = Directory(tmp_path / "files", most=10_000_000)
        content = os.urandom(2_500_000)
        stored = await store.put(IDS[0], given(content[:7], content[7:]), most=3_000_000)
        assert stored.size == len(content)
        assert await read(store, IDS[0], 0, len(content)) == content
        assert await read(store, IDS[0], 1_048_570, 1_048_580) == content[1_048_570:1_048_580]
        await store.delete(IDS[0])
        await store.delete(IDS[0])
        assert not await store.has(IDS[0])
        assert await refusal(read(store, IDS[0], 0, 1)) == 404
        assert (tmp_path / "files").stat().st_mode & 0o077 == 0

    asyncio.run(run())


def test_what_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    """Neither a file over its cap, nor one that does not fit beside others, nor a broken one."""

    async def run() -> None:
        store = Directory(tmp_path, most=100)
        await store.put(IDS[0], given(b"x" * 60), most=80)
        assert await refusal(store.put(IDS[1], given(b"x" * 81), most=80)) == 413
        assert await refusal(store.put(IDS[2], given(b"x" * 41), most=80)) == 507
        with pytest.raises(ConnectionError):
            await store.put(IDS[3], broken(b"x"), most=80)
        assert names(tmp_path) == [IDS[0]]

    asyncio.run(run())


def test_uploads_at_the_same_time_share_the_room(tmp_path: Path) -> None:
    """Each fits when it begins; together they must not be more than all files may be."""

    async def run() -> None:
        stores = [Directory(tmp_path, most=100) for _ in range(2)]
        begun = asyncio.Barrier(2)

        async def sent() -> AsyncIterator[bytes]:
            yield b"x" * 30
            await begun.wait()
            yield b"x" * 30

        puts = [store.put(each, sent(), most=80) for store, each in zip(stores, IDS, strict=False)]
        found = await asyncio.gather(*puts, return_exceptions=True)
        refused = [each.problem.status for each in found if isinstance(each, GatewayError)]
        assert refused
        assert set(refused) == {507}
        assert stores[0].used() <= 100

    asyncio.run(run())


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """The error names the setting, and not the folder."""

    async def run() -> None:
        (tmp_path / "taken").write_text("x")
        store = Directory(tmp_path / "taken" / "files", most=100)
        with pytest.raises(GatewayError, match="RERANKQ_GATEWAY_FILES_DIR") as refused:
            await store.put(IDS[0], given(b"x"), most=80)
        assert str(tmp_path) not in str(refused.value)

    asyncio.run(run())


def test_what_is_past_its_time_is_deleted(tmp_path: Path) -> None:
    """Files whose time is over, and what killed uploads have left; nothing that is not ours."""

    async def run() -> None:
        store = Directory(tmp_path, most=1000)
        for file_id in IDS[:3]:
            await store.put(file_id, given(b"x"), most=80)
        (tmp_path / f"{IDS[3]}.coming").write_bytes(b"half")
        (tmp_path / "notes.txt").write_text("somebody's own")
        long_ago = time.time() - 7200
        await store.keep(IDS[0], 3600)
        await store.keep(IDS[1], -7200)
        for name in (IDS[2], f"{IDS[3]}.coming", "notes.txt"):
            os.utime(tmp_path / name, (long_ago, long_ago))
        assert await store.delete_expired() == 3
        assert names(tmp_path) == [IDS[0], "notes.txt"]

    asyncio.run(run())
