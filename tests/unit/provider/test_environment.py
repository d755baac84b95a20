"""Which environment variables are checked before a worker starts."""

import ssl
from pathlib import Path

import certifi
import pytest

from rerankq.accounts.accounts import Limits
from rerankq.errors import SettingsError
from rerankq_worker.provider.environment import check_environment
from rerankq_worker.provider.trust import CA_VARIABLES, trust
from rerankq_worker.upstream.sites import Account, Key, Site


def site(url: str) -> Site:
    return Site("here", url, "dmxapi", (Account("a", (Key("sk-1"),), Limits(None, None, None)),))


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*CA_VARIABLES, "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variable", [*CA_VARIABLES, "SSLKEYLOGFILE"])
def test_a_file_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """A missing CA file, folder or key log gives one line that names its variable."""
    monkeypatch.setenv(variable, str(tmp_path / "missing" / "file"))
    with pytest.raises(SettingsError, match=f"^{variable}: .*missing.*cannot be"):
        check_environment([site("https://api.example/")])


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_without_certificates_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """A file without a certificate is refused at the start, as it would make every call fail."""
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(SettingsError, match=f"^{variable}: .*holds no certificate"):
        check_environment([site("https://api.example/")])


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_each_variable_names_who_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """The variables of httpx, requests and curl are used; they may name a folder or a file."""
    value = f"{tmp_path}:{tmp_path}" if variable == "SSL_CERT_DIR" else certifi.where()
    monkeypatch.setenv(variable, value)
    found = trust()
    assert variable in found.source
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    assert found.context.check_hostname
    assert not found.of_any_name.check_hostname


def test_an_address_with_a_password_is_refused() -> None:
    """A user in an address would not be sent, so the address is refused; the user is not shown."""
    with pytest.raises(SettingsError, match="site here holds a user or a password") as caught:
        check_environment([site("https://me:secret@api.example/v1")])
    assert "secret" not in str(caught.value)


def test_the_proxy_of_each_site_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each site of a file is checked: a SOCKS proxy for one of them stops the start."""
    monkeypatch.setenv("https_proxy", "socks5://x")
    monkeypatch.setenv("no_proxy", "one.example")
    check_environment([site("https://one.example/")])
    with pytest.raises(SettingsError, match="https_proxy names a SOCKS proxy"):
        check_environment([site("https://one.example/"), site("https://two.example/")])
