"""Runs single checks of `rerankq doctor`, without the command."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from rerankq.doctor.check import Check, Look, SetUp
from rerankq.doctor.examination import examine
from rerankq.doctor.finding import Finding
from rerankq.doctor.redis_access import RedisAccess
from running.worker import clean_environment


class Doctor:
    """Examines what the environment names: only what a test sets, and no `.env`.

    Args:
        patch: sets the environment.
        folder: an empty one, which becomes the current folder.
        redis_url: the Redis.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, redis_url: str) -> None:
        self._patch = patch
        for name in set(os.environ) - clean_environment().keys():
            patch.delenv(name)
        patch.chdir(folder)
        self.set(REDIS_URL=redis_url)

    def set(self, **settings: str) -> None:
        """Set variables `RERANKQ_…`."""
        for name, value in settings.items():
            self._patch.setenv(f"RERANKQ_{name}", value)

    def unset(self, *names: str) -> None:
        """Remove variables `RERANKQ_…`."""
        for name in names:
            self._patch.delenv(f"RERANKQ_{name}")

    def environment(self, **variables: str) -> None:
        """Set other variables."""
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def found(self, *looks: Look, calls: bool = False) -> dict[str, Finding]:
        """What these checks find, by its code."""
        return self.examined((Check(str(nth), look) for nth, look in enumerate(looks)), calls=calls)

    def examined(self, checks: Iterable[Check], *, calls: bool = False) -> dict[str, Finding]:
        """The same for checks with their names."""

        async def asked() -> dict[str, Finding]:
            async with RedisAccess(".env") as redis:
                set_up = SetUp(os.environ, ".env", calls=calls, redis=redis)
                examined = await examine(list(checks), set_up)
                return {one.code: one for each in examined for one in each.findings}

        return asyncio.run(asked())

    def set_up(self, *, calls: bool = False) -> SetUp:
        """What checks are told."""
        return SetUp(os.environ, ".env", calls=calls, redis=RedisAccess(".env"))
