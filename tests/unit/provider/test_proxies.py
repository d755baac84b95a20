"""Which proxy the environment names, and for which hosts it names none."""

import os

import pytest

from rerankq.errors import SettingsError
from rerankq_worker.provider.proxies import Proxy, proxy_for

URL = "https://api.example.com/v1/rerank"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, URL, None),
        ({"https_proxy": "http://proxy:3128"}, URL, Proxy("proxy", 3128, secure=False)),
        ({"HTTPS_PROXY": "http://proxy:3128/"}, URL, Proxy("proxy", 3128, secure=False)),
        ({"https_proxy": "https://proxy"}, URL, Proxy("proxy", 443, secure=True)),
        ({"https_proxy": "proxy:3128"}, URL, Proxy("proxy", 3128, secure=False)),
        ({"https_proxy": "http://[::1]:8"}, URL, Proxy("::1", 8, secure=False)),
        ({"http_proxy": "http://proxy"}, URL, None),
        (
            {"http_proxy": "http://proxy"},
            "http://api.example.com/",
            Proxy("proxy", 80, secure=False),
        ),
        ({"ALL_PROXY": "http://proxy"}, URL, Proxy("proxy", 80, secure=False)),
        ({"ALL_PROXY": "socks5://x", "https_proxy": "http://y"}, URL, Proxy("y", 80, secure=False)),
        ({"HTTPS_PROXY": "http://x", "https_proxy": ""}, URL, None),
        (
            {"https_proxy": "http://me:p%40ss@proxy"},
            URL,
            Proxy("proxy", 80, secure=False, authorization=b"Basic bWU6cEBzcw=="),
        ),
    ],
)
def test_the_environment_names_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: Proxy | None
) -> None:
    """The variable of the scheme decides, then `all_proxy`; lower case before upper case."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://me:secret@x:1080", "a SOCKS proxy"),
        ("socks5h://x", "a SOCKS proxy"),
        ("socks://x", "a SOCKS proxy"),
        ("ftp://secret@x", "no HTTP proxy"),
        ("http://me:secret@x:abc", "whose port is no number"),
        ("http://me:secret@x:99999", "whose port is no number"),
        ("x:0", "names no proxy"),
        ("http://", "names no proxy"),
        ("http://[secret", "names no proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    """A proxy that cannot be used is refused; the message names the variable, and no secret."""
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(SettingsError, match=f"^ALL_PROXY .*{words}") as caught:
        proxy_for(URL)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("no_proxy", "example.com")
    assert proxy_for(URL) is None


@pytest.mark.parametrize(
    ("exceptions", "url", "is_excepted"),
    [
        ("*", URL, True),
        ("api.example.com", URL, True),
        ("API.Example.COM", URL, True),
        ("example.com", URL, True),
        (".example.com", URL, True),
        ("*.example.com", URL, True),
        ("https://example.com", URL, True),
        ("localhost, example.com", URL, True),
        ("localhost example.com", URL, True),
        ("api.example.com.", URL, True),
        ("ample.com", URL, False),
        ("api.example.com:443", URL, True),
        ("example.com:8443", URL, False),
        ("example.com:8443", "https://example.com:8443/", True),
        (".", URL, False),
        ("", URL, False),
        ("127.0.0.0/8", "http://127.1.2.3:80/", True),
        ("127.0.0.1/8", "http://127.1.2.3:80/", True),
        ("127.0.0.1", "http://127.0.0.1:80/", True),
        ("127.0.0.1:81", "http://127.0.0.1:80/", False),
        ("127.0.0.1:80", "http://127.0.0.1:80/", True),
        ("10.0.0.0/8", "http://127.1.2.3:80/", False),
        ("10.0.0.0/8", URL, False),
        ("10.0.0.0/99", "http://10.0.0.1/", False),
        ("::1", "http://[::1]:80/", True),
        ("[::1]", "http://[::1]:80/", True),
        ("[::1]:80", "http://[::1]:80/", True),
        ("[::1]:81", "http://[::1]:80/", False),
        ("fd00::/8", "http://[fd12::1]/", True),
        ("fd00::/8", "http://[fe12::1]/", False),
    ],
)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_hosts_are_excepted_as_curl_and_httpx_have_it(
    monkeypatch: pytest.MonkeyPatch, name: str, exceptions: str, url: str, *, is_excepted: bool
) -> None:
    """Names, suffixes with and without a dot, ports, networks and IPv6 addresses are understood."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy")
    monkeypatch.setenv(name, exceptions)
    assert (proxy_for(url) is None) is is_excepted


def test_a_password_is_not_shown() -> None:
    """The text form of a proxy does not show its password."""
    assert "secret" not in repr(Proxy("h", 1, secure=False, authorization=b"secret"))
