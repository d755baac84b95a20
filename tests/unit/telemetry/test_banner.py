import pytest

from rerankq.accounts.accounts import Limits
from rerankq.contract import Lane
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.telemetry.banner import banner, doubtful_keys, masked, public_url
from rerankq_worker.upstream.sites import Account, Key, Site

SECRET = "abcdefghijklmnopqrstuvwxyz012345"  # noqa: S105  made up here
SITES = (
    Site(
        "one",
        f"https://user:{SECRET}@one.example:8443/v1/rerank?key={SECRET}",
        "jina",
        (
            Account(
                "one/team",
                (Key(f"Bearer sk-{SECRET}"), Key("Bearer short")),
                Limits(rpm=6000, tpm=None, concurrency=None),
            ),
        ),
    ),
    Site("two", "http://two.example/rerank", "tei", (Account("two/own", (), Limits()),)),
)


def test_a_worker_says_how_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version, lanes, Redis, each account with address, dialect, keys and limits; no secret."""
    monkeypatch.setenv("RERANKQ_REDIS_URL", f"redis://:{SECRET}@redis.example:6380/2")
    monkeypatch.setenv("RERANKQ_HEALTH_PORT", "8080")
    lines = [line for line, _ in banner("1.2.3", WorkerSettings.load(), SITES, list(Lane))]
    first, *_ = SITES[0].accounts[0].keys
    assert lines[0].startswith("rerankq 1.2.3: worker of lanes interactive and bulk; Redis at ")
    assert "redis.example:6380" in lines[0]
    assert lines[1].startswith(
        "upstream one/team: https://one.example:8443/v1/rerank, dialect jina; "
        f"2 keys: sk-…2345 ({first.id}), … ("
    )
    assert lines[1].endswith(
        "limits: 6,000 requests a minute (tokens a minute, calls at once: to be found out)"
    )
    assert lines[2].endswith("dialect tei; 0 keys: ; limits: to be found out")
    assert "http://127.0.0.1:8080, http://127.0.0.1:8081" in lines[3]
    told = str(list(banner("1.2.3", WorkerSettings.load(), SITES, list(Lane))))
    assert SECRET not in told
    assert "short" not in told


def test_a_key_without_a_digit_is_doubted() -> None:
    """A vendor's key that looks like a placeholder is reported by its fingerprint; no other is."""
    _, word = SITES[0].accounts[0].keys
    assert list(doubtful_keys(SITES)) == [masked(word)]


@pytest.mark.parametrize(
    ("authorization", "shown"),
    [
        (f"Bearer sk-{SECRET}", "sk-…2345"),
        (f"sk-{SECRET}", "sk-…2345"),
        (SECRET, "…2345"),
        ("sk-only-few", "sk-…"),
        ("any", "…"),
        ("", "…"),
    ],
)
def test_a_key_shows_four_characters_at_most(authorization: str, shown: str) -> None:
    """Only a long key shows its end, so that its owner recognises it."""
    assert masked(Key(authorization)) == f"{shown} ({Key(authorization).id})"


def test_an_address_shows_no_credentials() -> None:
    """User, password and query may be secrets."""
    assert public_url("https://u:p@h:1/a/b?key=s#f") == "https://h:1/a/b"
    assert public_url("http://[::1]:8080/rerank") == "http://[::1]:8080/rerank"
