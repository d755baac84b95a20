"""What doctor says of sites, keys and scores, with real servers, certificates and proxies."""

import ssl
from pathlib import Path

import pytest

from rerankq.doctor.check import Check
from rerankq.doctor.finding import Finding, Level
from rerankq_worker.doctor import checks
from running.certificates import server_context
from running.examined import Doctor
from running.http_proxy import HttpProxy
from running.raw_server import RawServer, read_all
from running.redis_server import free_port
from running.sandbox import RunningSandbox

KEY = "sk-CANARY-0123456789-of-the-account-wxyz"


def examined(doctor: Doctor, *, calls: bool = False) -> dict[str, Finding]:
    """All that the checks of the worker find."""
    made: list[Check] = list(checks(doctor.set_up(calls=calls)))
    found = doctor.examined(made, calls=calls)
    assert KEY not in str(found)
    return found


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Doctor:
    """Checks without a Redis: these need none."""
    folder = tmp_path / "current"
    folder.mkdir()
    return Doctor(monkeypatch, folder, f"redis://127.0.0.1:{free_port()}/0")


@pytest.fixture
def site(doctor: Doctor) -> Doctor:
    """With a key."""
    doctor.environment(DMXAPI_API_KEY=KEY)
    return doctor


def test_a_site_is_reached_without_a_call(site: Doctor) -> None:
    """A connection is enough; the key is shown so that only its owner knows it."""
    with RunningSandbox(keys=(KEY,)) as upstream:
        site.set(UPSTREAM_URL=upstream.url)
        found = examined(site)
        assert "reached in" in found["site_reached"].what
        assert "sk-…wxyz (" in found["keys"].what
        assert upstream.log() == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://nowhere.invalid/v1/rerank", "the host name nowhere.invalid is not resolved"),
        ("https://127.0.0.1:{free}/v1/rerank", "nothing listens at"),
        ("https://127.0.0.1:{plain}/v1/rerank", "speaks no TLS"),
    ],
)
def test_a_site_that_cannot_be_reached(site: Doctor, url: str, said: str) -> None:
    """The cause is named, with the setting to check."""
    with RunningSandbox() as upstream:
        site.set(UPSTREAM_URL=url.format(free=free_port(), plain=upstream.port))
        found = examined(site)["site_unreachable"]
        assert said in found.what
        assert "RERANKQ_UPSTREAM_URL" in found.advice


def test_a_certificate_needs_its_ca(site: Doctor, tmp_path: Path) -> None:
    """An own CA is trusted once SSL_CERT_FILE names it; before, the message says so."""
    with RawServer(read_all, server_context(tmp_path)) as server:
        site.set(UPSTREAM_URL=server.url)
        found = examined(site)["site_unreachable"]
        assert "its certificate is not trusted" in found.what
        assert "SSL_CERT_FILE" in found.advice
        site.environment(SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert str(tmp_path / "ca.pem") in examined(site)["site_reached"].what


def test_a_certificate_for_another_name(site: Doctor, tmp_path: Path) -> None:
    """Both names are told."""
    with RawServer(read_all, server_context(tmp_path, "DNS:elsewhere.example")) as server:
        site.set(UPSTREAM_URL=server.url)
        site.environment(SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        found = examined(site)["site_unreachable"]
        assert "is for elsewhere.example, and not for 127.0.0.1" in found.what


def test_a_proxy_is_named(site: Doctor, tmp_path: Path) -> None:
    """The proxy in force is shown without its login; one that refuses is a fault."""
    secure: ssl.SSLContext = server_context(tmp_path)
    with (
        RawServer(read_all, secure) as upstream,
        RawServer(HttpProxy("Basic bWU6c2VjcmV0")) as proxy,
    ):
        site.set(UPSTREAM_URL=upstream.url)
        site.environment(
            SSL_CERT_FILE=str(tmp_path / "ca.pem"),
            https_proxy=f"http://me:secret@127.0.0.1:{proxy.port}",
            no_proxy="",
        )
        found = examined(site)
        assert f"by the proxy 127.0.0.1:{proxy.port}" in found["site_reached"].what
        site.environment(https_proxy=f"http://you:secret@127.0.0.1:{proxy.port}")
        refused = examined(site)["site_unreachable"]
        assert "the proxy that the environment names" in refused.what
        site.environment(https_proxy="socks5://127.0.0.1:1080")
        assert "SOCKS" in examined(site)["site_environment"].what
        assert "secret" not in str((found, refused))


def test_a_key_that_goes_in_the_clear(site: Doctor) -> None:
    """Without TLS to another machine is a warning; on this machine, or in an own network, not."""
    site.set(UPSTREAM_URL=f"http://rerank.example:{free_port()}/v1/rerank")
    assert examined(site)["site_in_the_clear"].level is Level.WARNING
    site.set(UPSTREAM_URL=f"http://rerank.internal:{free_port()}/v1/rerank")
    assert "site_in_the_clear" not in examined(site)


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({}, "keys_missing", "no upstream key"),
        ({"API_KEYS": "your-key-goes-here"}, "key_doubtful", "has no digit"),
        ({"API_KEYS": "sk-****"}, "setting_wrong", "RERANKQ_API_KEYS is wrong"),
        ({"RPM": "0"}, "setting_wrong", "RERANKQ_RPM is wrong"),
        ({"RPM": "600", "TPM": "5"}, "settings_contradict", ""),
        ({"GIVE_UP_SECONDS": "100"}, "settings_contradict", "RERANKQ_MIN_RETRY_SECONDS"),
        ({"UPSTREAM_FILE": "/nowhere.toml"}, "keys_missing", "RERANKQ_UPSTREAM_FILE"),
    ],
)
def test_wrong_settings_of_a_worker(
    doctor: Doctor, settings: dict[str, str], code: str, said: str
) -> None:
    """Each is named, without its value, also what a worker would accept but makes no sense."""
    doctor.set(UPSTREAM_URL="https://nowhere.invalid/v1/rerank")
    if "UPSTREAM_FILE" in settings:
        doctor.unset("UPSTREAM_URL")
    doctor.set(**settings)
    found = examined(doctor)
    assert said in found[code].what
    assert "****" not in str(found)
    assert "check_broken" not in found


@pytest.mark.parametrize(
    ("kind", "code", "level"),
    [
        (None, "scores_sane", Level.OK),
        ("logits", "scores_raw", Level.NOTE),
        ("equal_scores", "scores_nonsense", Level.FAULT),
        ("reversed_scores", "scores_nonsense", Level.FAULT),
        ("nan", "scores_nonsense", Level.FAULT),
        ("huge_scores", "scores_nonsense", Level.FAULT),
        ("short", "call_failed", Level.FAULT),
    ],
)
def test_the_scores_of_a_site(site: Doctor, kind: str | None, code: str, level: Level) -> None:
    """With calls, each model is asked two questions with known answers."""
    with RunningSandbox(keys=(KEY,)) as upstream:
        if kind:
            upstream.set_faults({"action": {"kind": kind}}).raise_for_status()
        site.set(UPSTREAM_URL=upstream.url)
        assert examined(site, calls=True)[code].level is level
        assert 1 <= len(upstream.log()) <= 2


@pytest.mark.parametrize(
    ("declared", "kind", "code", "level"),
    [
        ("probability", None, "scores_sane", Level.OK),
        ("logit", "logits", "scores_sane", Level.OK),
        ("probability", "logits", "scores_not_probabilities", Level.WARNING),
        ("logit", None, "scores_not_logits", Level.WARNING),
    ],
)
def test_a_site_that_gives_other_scores_than_it_declares(
    site: Doctor, declared: str, kind: str | None, code: str, level: Level
) -> None:
    """A wrong declaration is a warning; a right one is not mentioned."""
    with RunningSandbox(keys=(KEY,)) as upstream:
        if kind:
            upstream.set_faults({"action": {"kind": kind}}).raise_for_status()
        site.set(UPSTREAM_URL=upstream.url, SCORES=declared)
        found = examined(site, calls=True)
    assert found[code].level is level
    of_scores = {each for each in found if each.startswith("scores_")}
    assert of_scores == {"scores_sane", code}


def test_one_odd_answer_is_a_warning(site: Doctor) -> None:
    """Nonsense once may be one server of several."""
    with RunningSandbox(keys=(KEY,)) as upstream:
        upstream.fault(kind="equal_scores")
        site.set(UPSTREAM_URL=upstream.url)
        assert examined(site, calls=True)["scores_odd"].level is Level.WARNING


@pytest.mark.parametrize(
    ("action", "said", "advice"),
    [
        ({"kind": "status", "status": 401}, "(upstream_auth, status 401)", "the key is right"),
        ({"kind": "status", "status": 404}, "status 404)", "RERANKQ_UPSTREAM_URL"),
        ({"kind": "status", "status": 429}, "(upstream_throttled, status 429)", "again later"),
        ({"kind": "status", "status": 500}, "status 500)", "run it again"),
        ({"kind": "garbage"}, "(upstream_malformed, status 200)", "RERANKQ_DIALECT"),
    ],
)
def test_a_call_that_fails(site: Doctor, action: dict[str, object], said: str, advice: str) -> None:
    """The class of the failure is told, with what to do about it."""
    with RunningSandbox(keys=(KEY,)) as upstream:
        upstream.set_faults({"action": action}).raise_for_status()
        site.set(UPSTREAM_URL=upstream.url)
        found = examined(site, calls=True)["call_failed"]
        assert said in found.what
        assert advice in found.advice


def test_each_site_of_a_file_is_checked(doctor: Doctor, tmp_path: Path) -> None:
    """One that cannot be reached hides no other, and each model is asked."""
    with RunningSandbox() as upstream:
        (tmp_path / "sites.toml").write_text(
            f"""
            [[sites]]
            name = "dead"
            url = "http://127.0.0.1:{free_port()}/v1/rerank"
            accounts = [{{ name = "a", keys = ["ONE_KEY"] }}]
            [[sites]]
            name = "own"
            url = "{upstream.url}"
            models = {{ "x" = "own-x", "y" = "own-y" }}
            accounts = [{{ name = "b", keys = ["OTHER_KEY"] }}]
            """
        )
        doctor.set(UPSTREAM_FILE=str(tmp_path / "sites.toml"))
        doctor.environment(ONE_KEY="sk-0001-one-key", OTHER_KEY="sk-0002-another-key")
        made = list(checks(doctor.set_up(calls=True)))
        names = [each.name for each in made]
        assert names[-5:] == [
            *("site dead", "site own", "scores of qwen3-reranker-8b at dead"),
            *("scores of own-x at own", "scores of own-y at own"),
        ]
        assert all("2 calls of about" in each.cost for each in made[-3:])
        found = doctor.examined(made, calls=True)
        assert {"site_unreachable", "site_reached", "not_checked", "scores_sane"} <= found.keys()
        assert {each["model"] for each in upstream.log()} == {"own-x", "own-y"}
