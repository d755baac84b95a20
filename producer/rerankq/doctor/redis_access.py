"""Redis, as all checks share it: whether it can be used is found out once."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Self

from rerankq.doctor.finding import CannotCheckError
from rerankq.errors import LedgerUnavailable, SettingsError
from rerankq.settings import RedisSettings
from rerankq.store.address import RedisAddress
from rerankq.store.first_contact import look
from rerankq.store.store import Store

ANSWER_SECONDS: Final = 4.0


class RedisAccess:
    """The Redis that the settings name. Opened with `async with`, by one event loop.

    Args:
        env_file: the file that is read after the environment.
    """

    def __init__(self, env_file: str) -> None:
        self._env_file = env_file
        self._store: Store | None = None
        self._contact: asyncio.Task[str] | None = None
        self._told: asyncio.Task[Mapping[str, Any]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._contact, self._told):
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._store:
            await self._store.close()

    def settings(self) -> RedisSettings:
        """Where it is.

        Raises:
            CannotCheckError: the address or the namespace is wrong.
        """
        try:
            return RedisSettings.load(self._env_file)
        except SettingsError:
            # The check of the settings says what is wrong.
            raise CannotCheckError("the settings of Redis are wrong") from None

    @property
    def address(self) -> RedisAddress:
        """Its address.

        Raises:
            CannotCheckError: it is wrong.
        """
        return RedisAddress.parse(self.settings().redis_url)

    async def problem(self) -> str:
        """Why a ledger cannot be kept there now; empty if it can. As at the start of a program.

        Raises:
            CannotCheckError: the settings are wrong.
        """
        if self._contact is None:
            self._contact = asyncio.create_task(self._looked(writes=True))
        return await asyncio.shield(self._contact)

    async def store(self) -> Store:
        """The connection, as soon as it is known that Redis answers.

        Raises:
            CannotCheckError: it does not answer, or the settings are wrong.
        """
        if await self.problem() and await self._looked(writes=False):
            raise CannotCheckError("Redis cannot be used")
        if self._store is None:
            settings = self.settings()
            self._store = Store(
                settings.redis_url, settings.namespace, answer_seconds=ANSWER_SECONDS
            )
        return self._store

    async def info(self) -> Mapping[str, Any]:
        """What INFO tells.

        Raises:
            CannotCheckError: Redis does not answer, or this user may not ask.
        """
        if self._told is None:
            self._told = asyncio.create_task(self._asked())
        return await asyncio.shield(self._told)

    async def config(self, name: str) -> str | None:
        """A setting of the server; None if this user may not ask."""
        try:
            told: Any = await (await self.store()).command("CONFIG", "GET", name)
        except LedgerUnavailable:
            return None
        pairs = told.items() if isinstance(told, dict) else zip(told[::2], told[1::2], strict=True)
        return {_text(key): _text(value) for key, value in pairs}.get(name)

    async def _looked(self, *, writes: bool) -> str:
        settings = self.settings()
        try:
            found = await look(settings.redis_url, settings.namespace, writes=writes)
        except SettingsError as error:
            return str(error)
        return str(found or "")

    async def _asked(self) -> Mapping[str, Any]:
        try:
            told: Mapping[str, Any] = await (await self.store()).command("INFO")
        except LedgerUnavailable as problem:
            raise CannotCheckError(f"INFO: {problem}") from None
        return told


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
