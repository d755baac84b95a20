"""Maps errors of a connection to this project's errors, with their causes."""

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from rerankq_worker.provider.transport import (
    WRONG_NAME,
    DoubtfulAnswerError,
    WrongCertificateError,
)
from rerankq_worker.upstream.errors import Cause, Transient, Unreachable

_CHECK_URL: Final = "check RERANKQ_UPSTREAM_URL, or the site's url in RERANKQ_UPSTREAM_FILE"
_NOT_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_NO_MEMORY: Final = (Cause.NO_ROOM, "this machine has no memory for a connection to {where}")
_BY_NUMBER: Final[Mapping[int | None, tuple[Cause, str]]] = {
    errno.ECONNREFUSED: (Cause.CONNECTION_REFUSED, f"nothing listens at {{where}}; {_CHECK_URL}"),
    errno.ENETUNREACH: (
        Cause.NO_ROUTE,
        f"there is no route to the network of {{where}}; {_CHECK_URL}",
    ),
    errno.EHOSTUNREACH: (Cause.NO_ROUTE, f"there is no route to {{where}}; {_CHECK_URL}"),
    errno.ETIMEDOUT: (Cause.CONNECT_TIMEOUT, f"{{where}} does not answer; {_CHECK_URL}"),
    errno.EMFILE: (
        Cause.NO_ROOM,
        "this process may open no more files, such as a connection to {where}: raise `ulimit -n`",
    ),
    errno.ENFILE: (
        Cause.NO_ROOM,
        "this machine may open no more files, and so no connection to {where}: raise fs.file-max",
    ),
    errno.EADDRNOTAVAIL: (
        Cause.NO_ROOM,
        "this machine has no free port for a connection to {where}: raise ip_local_port_range",
    ),
    errno.ENOBUFS: _NO_MEMORY,
    errno.ENOMEM: _NO_MEMORY,
}
_NO_CONNECTION: Final = (
    Cause.NO_ROUTE,
    f"no connection to {{where}} can be made; {_CHECK_URL}",
)
EXPIRED: Final = 10
NOT_YET_VALID: Final = 9
"""OpenSSL's numbers (X509_V_ERR_*)."""


def connection_fault(error: Exception, *, url: httpx.URL, trusted: str) -> Transient:
    """The error of a call that got no answer.

    Args:
        error: what the transport raised.
        url: the endpoint; only its host and port are shown.
        trusted: where the CA certificates come from, in words.
    """
    if isinstance(error, _NOT_CONNECTED):
        cause, why = _unreachable(error, url, trusted)
        return Unreachable(f"the upstream cannot be reached: {why}", cause=cause)
    if isinstance(error, DoubtfulAnswerError):
        return Transient(f"the answer may be another call's: {error}", cause=Cause.NO_HTTP)
    if isinstance(error, httpx.RemoteProtocolError):
        return Transient(f"the upstream's answer is no HTTP: {error}", cause=Cause.NO_HTTP)
    why = str(error) if isinstance(error, httpx.ReadError) else type(error).__name__
    return Transient(f"the connection to the upstream broke: {why}", cause=Cause.CONNECTION_LOST)


def _unreachable(error: Exception, url: httpx.URL, trusted: str) -> tuple[Cause, str]:
    where = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    if isinstance(error, httpx.ProxyError):
        return Cause.PROXY, f"the proxy that the environment names: {error}"
    if isinstance(error, httpx.ConnectTimeout):
        return Cause.CONNECT_TIMEOUT, f"{where}: {error}"
    match error.__cause__:
        case socket.gaierror() as system:
            said = (system.strerror or "no address").lower()
            return Cause.DNS, f"the host name {url.host} is not resolved ({said}); {_CHECK_URL}"
        case ssl.SSLCertVerificationError() as system:
            names = error.names if isinstance(error, WrongCertificateError) else ()
            return Cause.CERTIFICATE, _certificate(system, names, url.host, trusted)
        case ssl.SSLError() as system:
            said = (system.reason or "no TLS").replace("_", " ").lower()
            return Cause.TLS, f"{where} speaks no TLS that can be read ({said}); {_CHECK_URL}"
        case system:
            number = system.errno if isinstance(system, OSError) else None
            cause, words = _BY_NUMBER.get(number, _NO_CONNECTION)
            return cause, words.format(where=where)


def _certificate(
    error: ssl.SSLCertVerificationError, names: tuple[str, ...], host: str, trusted: str
) -> str:
    said = error.verify_message.rstrip(".")
    if error.verify_code in WRONG_NAME:
        shown = ", ".join(names) or "another name"
        return f"its certificate is for {shown}, and not for {host}; {_CHECK_URL}"
    if error.verify_code == EXPIRED:
        return "its certificate has expired, or this machine's clock is wrong"
    if error.verify_code == NOT_YET_VALID:
        return "its certificate is not valid yet: is this machine's clock right?"
    return (
        f"its certificate is not trusted ({said}): it was checked against {trusted}; "
        "set SSL_CERT_FILE to the file of the CA that signed it"
    )
