from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.journal import Entry, Journal
from rerankq_sandbox.server import banner


def arrive(journal: Journal, job_id: str = "j", attempt: str = "1", key: str = "k") -> Entry:
    return journal.arrived(
        job_id=job_id, attempt=attempt, key=key, account=f"of {key}", request_id="r"
    )


def test_call_is_on_disk_before_it_is_served(tmp_path: Path) -> None:
    """A call is in the file as soon as it arrives, and again when it has ended."""
    path = tmp_path / "log.jsonl"
    journal = Journal(path, 10)
    entry = arrive(journal)
    assert [orjson.loads(line)["event"] for line in path.read_bytes().splitlines()] == ["arrived"]
    entry.status = 200
    journal.ended(entry)
    journal.close()
    first, last = (orjson.loads(line) for line in path.read_bytes().splitlines())
    assert (first["event"], first["n"], first["job_id"], first["attempt"]) == ("arrived", 1, "j", 1)
    assert (last["event"], last["n"], last["status"]) == ("answered", 1, 200)


def test_call_without_status_was_dropped() -> None:
    """A call that ends with no status counts as dropped; stats add up, whole and by account."""
    journal = Journal(None, 10)
    one, two = arrive(journal), arrive(journal, key="other")
    two.status, two.fault = 429, "limit:rate"
    journal.ended(one)
    journal.ended(two)
    stats = journal.stats()
    accounts = stats.pop("accounts")
    assert stats == {
        "requests": 2,
        "answered": 1,
        "dropped": 1,
        "by_status": {"429": 1},
        "by_fault": {"limit:rate": 1},
        "in_flight": 0,
        "max_in_flight": 2,
    }
    assert {name: (own["requests"], own["dropped"]) for name, own in accounts.items()} == {
        "of k": (1, 1),
        "of other": (1, 0),
    }


def test_forgotten_counts_start_again() -> None:
    """After forgetting, counts start at 0, calls in flight still count, numbers go on."""
    journal = Journal(None, 10)
    arrive(journal)
    journal.forget()
    stats = journal.stats()
    assert (stats["requests"], stats["in_flight"], stats["max_in_flight"]) == (0, 1, 1)
    assert arrive(journal).n == 2


def test_memory_of_calls_is_bounded() -> None:
    """Only the latest calls are remembered, and `since` still means the call's number."""
    journal = Journal(None, 3)
    for _ in range(5):
        journal.ended(arrive(journal))
    assert [entry.n for entry in journal.since(0, 10)] == [3, 4, 5]
    assert [entry.n for entry in journal.since(4, 10)] == [5]
    assert [entry.n for entry in journal.since(2, 1)] == [3]
    assert journal.since(9, 10) == []


@pytest.mark.parametrize("attempt", ["", "x", "-1", "٣", "1" * 50])
def test_odd_attempts_are_none(attempt: str) -> None:
    """An attempt that is no small whole number is logged as none."""
    assert arrive(Journal(None, 1), attempt=attempt).attempt is None


def test_what_clients_send_is_cut() -> None:
    """A long or unencodable job id is cut and made writable, not refused."""
    entry = arrive(Journal(None, 1), job_id="\udcff" + "j" * 1000)
    assert entry.job_id == "?" + "j" * 199


@pytest.mark.parametrize(
    "bad",
    [
        {"port": 65_536},
        {"jitter": 1.1},
        {"latency_ms": -1},
        {"fail_rate": 0.6, "drop_rate": 0.6},
        {"keys": [""]},
        {"scorer": "other"},
        {"dialect": "other"},
        {"latency_p99_ms": 10},
        {"latency_ms": 20, "latency_p99_ms": 10},
        {"latency_ms": 5, "latency_p99_ms": 10, "jitter": 0.1},
        {"unknown": 1},
    ],
)
def test_config_is_bounded(bad: dict[str, object]) -> None:
    """A value out of bounds, or an unknown name, is refused."""
    with pytest.raises(ValidationError):
        SandboxConfig.model_validate(bad)


def test_config_hides_keys() -> None:
    """Showing a configuration never shows its keys."""
    assert "canary" not in repr(SandboxConfig.model_validate({"keys": ["canary"]}))


def test_banner_says_where_and_how() -> None:
    """The line at the start gives the URL, the scorer and whether keys are checked."""
    config = SandboxConfig.model_validate({"keys": ["k"], "host": "::1", "dialect": "tei"})
    assert banner(config, 80, "bigram") == (
        "sandbox: listening on http://[::1]:80/rerank (scorer: bigram, key check: on)"
    )
    assert "(scorer: semantic, a few hundred documents a second, key check: on)" in banner(
        config, 80, "semantic"
    )
