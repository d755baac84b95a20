"""Blocking access to an empty ledger."""

from collections.abc import Iterator

import pytest

from running.ledger_desk import LedgerDesk


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger in an empty Redis."""
    with LedgerDesk(redis_url) as made:
        yield made
