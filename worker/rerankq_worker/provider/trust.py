"""Which CA certificates are trusted: those of the files that httpx, requests and curl also use."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import certifi

from rerankq.errors import SettingsError

CA_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first variable that is set decides. The first two are httpx's; then requests' and curl's."""
_KEY_LOG: Final = "SSLKEYLOGFILE"


@dataclass(frozen=True, slots=True)
class Trust:
    """The CAs that a connection trusts.

    Attributes:
        path: where the CA certificates are.
        source: the same in words, for messages.
    """

    path: Path
    source: str

    @property
    def context(self) -> ssl.SSLContext:
        """The context for connections."""
        return _context(self.path)

    @property
    def of_any_name(self) -> ssl.SSLContext:
        """The same without checking the host's name: to read the names in a wrong certificate."""
        return _context(self.path, names=False)


def trust(environment: Mapping[str, str] = os.environ) -> Trust:
    """The CA certificates that the environment names, or else those of certifi.

    Raises:
        SettingsError: a named file or folder is missing, unreadable or holds no certificate.
    """
    named = next(
        ((each, environment[each]) for each in CA_VARIABLES if environment.get(each)), None
    )
    if named is None:
        return Trust(Path(certifi.where()), "the CAs of the certifi package")
    variable, value = named
    # OpenSSL accepts several folders, separated like those of PATH.
    for each in value.split(os.pathsep) if variable == "SSL_CERT_DIR" else (value,):
        _require_readable(variable, Path(each))
    found = Trust(Path(value), f"the CAs in {variable} ({value})")
    try:
        _context(found.path)
    except ssl.SSLError:
        raise SettingsError(f"{variable}: {value} holds no certificate in PEM form") from None
    return found


def check_key_log(environment: Mapping[str, str] = os.environ) -> None:
    """Check that the TLS key log can be written, if one is set.

    Raises:
        SettingsError: it cannot; Python would refuse each connection with an unclear error.
    """
    path = environment.get(_KEY_LOG)
    if not path:
        return
    try:
        with Path(path).open("ab"):
            pass
    except OSError as error:
        raise SettingsError(
            f"{_KEY_LOG}: {path} cannot be written ({error.strerror}); unset it, or name "
            "another file"
        ) from None


def _require_readable(variable: str, path: Path) -> None:
    """Check that a file or a folder can be read.

    Raises:
        SettingsError: it cannot.
    """
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            with path.open("rb"):
                pass
    except OSError as error:
        raise SettingsError(
            f"{variable}: {path} cannot be read ({error.strerror}); name a file of CA "
            "certificates, or unset it"
        ) from None


@cache
def _context(path: Path, *, names: bool = True) -> ssl.SSLContext:
    """The context for a CA path; cached, as reading a bundle takes tens of milliseconds."""
    if path.is_dir() or os.pathsep in str(path):
        context = ssl.create_default_context(capath=path)
    else:
        context = ssl.create_default_context(cafile=path)
    context.check_hostname = names
    return context
