"""A stand-in upstream for each test."""

from collections.abc import Iterator

import pytest

from running.sandbox import RunningSandbox


@pytest.fixture
def upstream() -> Iterator[RunningSandbox]:
    """A real rerank endpoint that requires the key of `RunningWorker`."""
    with RunningSandbox(keys=("sk-test",)) as sandbox:
        yield sandbox
