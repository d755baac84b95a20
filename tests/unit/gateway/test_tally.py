"""What the log says of calls without a ranking."""

import asyncio
import logging

import pytest

from rerankq.events import CallDegraded, Events, JobRef, RequestRefused
from rerankq_gateway.rerank.tally import Tally


def test_calls_without_a_ranking_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """One line says how many calls were refused or degraded, and why; none when there were none."""
    events = Events()
    tally = Tally(events)
    with caplog.at_level(logging.WARNING):
        asyncio.run(tally.report())
        assert not caplog.records
        for _ in range(2):
            events.tell(RequestRefused(by="upstream", retry_after=5.0))
        events.tell(CallDegraded(job=JobRef("a-job"), reason="wait_too_long"))
        asyncio.run(tally.report())
        asyncio.run(tally.report())
    (line,) = caplog.messages
    assert "2 refused (upstream)" in line
    assert "1 answered in the original order (wait_too_long)" in line
