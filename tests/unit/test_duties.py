import asyncio

import pytest

from rerankq_worker import app
from rerankq_worker.vitals import Vitals


def test_a_duty_that_ends_unasked_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A background duty that fails is no silent loss: the worker is started anew."""
    restarts: list[str] = []
    monkeypatch.setattr(app, "restart", lambda _, reason: restarts.append(reason))

    async def failing() -> None:
        raise RuntimeError("CANARY")

    async def scenario() -> None:
        async with app._background(Vitals(), failing()):  # noqa: SLF001  the seam under test
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert len(restarts) == 1
    assert "RuntimeError" in restarts[0]
    assert "CANARY" not in restarts[0]


def test_a_duty_that_is_called_off_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Duties end with the block they run beside, and that is no failure."""
    restarts: list[str] = []
    monkeypatch.setattr(app, "restart", lambda _, reason: restarts.append(reason))

    async def lasting() -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with app._background(Vitals(), lasting()):  # noqa: SLF001  the seam under test
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert restarts == []
