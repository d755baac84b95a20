"""A portal runs coroutines for threads that have no event loop."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType
from typing import Any

import pytest

from rerankq.client.portal import Portal
from rerankq.errors import ClientClosed


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    yield portal
    portal.close(answered())


async def answered() -> str:
    await asyncio.sleep(0)
    return "answer"


@contextmanager
def interrupted_at(step: int) -> Iterator[Callable[[], bool]]:
    """Raise KeyboardInterrupt at this step of this thread; returns whether it was reached.

    Python raises it where a function of Python begins or a function in C has returned. A profiler
    is called at the same places, and what it raises is raised there.
    """
    steps = count()
    reached = threading.Event()

    def look(_frame: FrameType, event: str, _: Any) -> None:
        if event in {"call", "c_return"} and next(steps) == step:
            sys.setprofile(None)
            reached.set()
            raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        yield reached.is_set
    finally:
        sys.setprofile(None)


def asked_by_another_thread(portal: Portal) -> str:
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(portal.call(answered())), daemon=True)
    thread.start()
    thread.join(20)
    return answers[0] if answers else "no answer within 20 s"


# An interrupt that comes before the coroutine is begun, or while Python frees an object.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_step_ends_this_call_alone(portal: Portal) -> None:
    """Wherever Ctrl-C reaches a thread that calls, the portal goes on to answer all others."""
    for step in count():
        reached = None
        try:
            with interrupted_at(step) as reached:
                assert portal.call(answered()) == "answer"
        except KeyboardInterrupt:
            pass
        assert asked_by_another_thread(portal) == "answer", f"after step {step}"
        if reached and not reached():
            break
    assert step > 5


def test_a_call_that_is_interrupted_is_cancelled(portal: Portal) -> None:
    """What an interrupted thread waited for ends as well, and gives its parts back."""
    begun, ended = threading.Event(), threading.Event()

    async def long() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    def interrupt() -> None:
        begun.wait(20)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        portal.call(long())
    assert ended.wait(20)


def test_a_closed_portal_takes_no_call() -> None:
    """A call after the end is refused, and its coroutine is not left waiting."""
    portal = Portal()
    portal.close(answered())
    with pytest.raises(ClientClosed):
        portal.call(answered())
