"""What calls have used, as clients tell it; and that `docs/usage.md` shows what happens."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.contract import JobState, UsageReport
from rerankq.errors import InvalidRequest
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Postponement
from rerankq.ledger.usage import CallUsage, Usage
from running.ledger_desk import LedgerDesk, ranking
from running.worker import clean_environment

PAGE = Path(__file__).parents[3] / "docs" / "usage.md"
REPORTED = Usage(jobs=1, calls=1, pairs=2, reported_tokens=40)
ESTIMATED = Usage(jobs=1, calls=1, pairs=2, estimated_tokens=40)


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """A ledger in which two tenants and the operator have had calls, one of them in a batch."""
    with LedgerDesk(redis_url) as made:
        batch = made.run(made.batches.open(batch_id="b"))
        calls: list[tuple[str, Usage, str, dict[str, Any]]] = [
            ("mine", REPORTED, "m", {"tenant": "mine"}),
            ("other", ESTIMATED, "n", {"tenant": "other"}),
            ("own", REPORTED, "m", {"batch_id": batch}),
        ]
        for name, usage, model, fields in calls:
            lease = made.claimed(name, **fields)
            told = outcomes.success(ranking(name).encode())
            used = (CallUsage("site", "k1", model, usage),)
            made.run(made.leases().finish([Finish(lease, 1, JobState.SUCCEEDED, told, usage=used)]))
        lease = made.claimed("again", tenant="mine")
        retried = (CallUsage("site", "k2", "m", Usage(calls=1, retries=1)),)
        made.run(made.leases().postpone([Postponement(lease, 1, 60.0, usage=retried)]))
        yield made


def test_rows_are_summed_as_it_is_asked_for(desk: LedgerDesk, redis_url: str) -> None:
    """Each combination of parts that there is has a row, and all rows have one total."""
    del desk
    with RerankClient(redis_url) as client:
        by_tenant = client.usage("tenant")
        assert [(row.tenant, row.jobs, row.calls) for row in by_tenant.rows] == [
            ("", 1, 1),
            ("mine", 1, 2),
            ("other", 1, 1),
        ]
        assert (by_tenant.total.tokens, by_tenant.total.retries) == (120, 1)
        several = client.usage(["day", "model", "key"], tenant="mine")
        assert [(row.day, row.model, row.key) for row in several.rows] == [
            (several.until, "m", "k1"),
            (several.until, "m", "k2"),
        ]
        assert client.usage(()).rows[0].calls == 4


def test_both_clients_tell_the_same(desk: LedgerDesk, redis_url: str) -> None:
    """The asynchronous client and the blocking one give equal reports."""
    del desk

    async def asked() -> UsageReport:
        async with AsyncRerankClient(redis_url) as client:
            return await client.usage(("day", "site"))

    with RerankClient(redis_url) as blocking:
        assert blocking.usage(("day", "site")) == asyncio.run(asked())


def test_a_batch_is_told_as_a_whole(desk: LedgerDesk, redis_url: str) -> None:
    """With `batch`, each batch of these days has its rows."""
    del desk
    with RerankClient(redis_url) as client:
        report = client.usage(("batch", "model"))
        assert [(row.batch, row.model, row.calls) for row in report.rows] == [("b", "m", 1)]
        assert client.usage("batch", since="2020-01-01", until="2020-01-02").rows == ()


def test_a_tenant_sees_its_own(desk: LedgerDesk, redis_url: str) -> None:
    """A tenant's client tells of its calls alone, and of no site and no key."""
    del desk
    with RerankClient(redis_url) as client:
        mine = client.for_tenant("mine")
        assert [(row.tenant, row.calls) for row in mine.usage("tenant").rows] == [("mine", 2)]
        assert mine.usage("batch").rows == ()
        with pytest.raises(InvalidRequest, match="another"):
            mine.usage("tenant", tenant="other")
        with pytest.raises(InvalidRequest, match="operators"):
            mine.usage(("day", "key"))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"by": "hour"}, "by"),
        ({"by": ("day", "batch")}, "by"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"since": "2026-12-02", "until": "2026-12-01"}, "since"),
        ({"since": "1970-01-01", "until": "2026-12-01"}, "since"),
    ],
)
def test_a_wrong_argument_is_named(redis_url: str, arguments: dict[str, str], field: str) -> None:
    """What cannot be asked for is refused, by name."""
    with RerankClient(redis_url) as client, pytest.raises(InvalidRequest) as refused:
        client.usage(**arguments)
    assert refused.value.field == field


def test_the_page_shows_a_program(desk: LedgerDesk, redis_url: str) -> None:
    """The block of Python on the page runs as it stands."""
    del desk
    (program,) = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    done = subprocess.run(
        [sys.executable, "-c", program.replace("2026-12-01", "2020-01-01")],
        env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "120"
