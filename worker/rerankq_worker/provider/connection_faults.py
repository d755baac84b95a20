"""Why no answer came: an error of the connection, told as one of ours, with its cause."""

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
import httpx

from rerankq_worker.provider.transport import WRONG_NAME, WrongCertificateError
from rerankq_worker.upstream import Cause, Refused, Transient, Unreachable

_CHECK_URL: Final = "check RERANKQ_UPSTREAM_URL, or the site's url in RERANKQ_UPSTREAM_FILE"
_NOT_CONNECTED: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
_BY_NUMBER: Final[Mapping[int | None, tuple[Cause, str]]] = {
    errno.ECONNREFUSED: (Cause.CONNECTION_REFUSED, "nobody listens at {where}"),
    errno.ENETUNREACH: (Cause.NO_ROUTE, "there is no way to the network of {where}"),
    errno.EHOSTUNREACH: (Cause.NO_ROUTE, "there is no way to {where}"),
    errno.ETIMEDOUT: (Cause.CONNECT_TIMEOUT, "{where} does not answer"),
}
EXPIRED: Final = 10
NOT_YET_VALID: Final = 9
"""OpenSSL's numbers (X509_V_ERR_*)."""


def connection_fault(error: Exception, *, url: httpx.URL, trusted: str) -> Transient | Refused:
    """The error that stands for a call without an answer.

    Args:
        error: what the transport raised.
        url: the endpoint; of it host and port are named, and nothing else.
        trusted: where the CA certificates come from, in words.
    """
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Refused("RERANKQ_UPSTREAM_URL is no address that can be called")
    # What aiohttp said: its adapter calls a connection that was lost later a time-out as well.
    origin = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    if isinstance(origin, _NOT_CONNECTED):
        cause, why = _unreachable(origin, url, trusted)
        return Unreachable(f"the upstream cannot be reached: {why}", cause=cause)
    if isinstance(origin, httpx.RemoteProtocolError):
        return Transient(f"the upstream's answer is no HTTP: {origin}", cause=Cause.NO_HTTP)
    why = str(origin) if isinstance(origin, httpx.ReadError) else type(origin).__name__
    return Transient(f"the connection to the upstream broke: {why}", cause=Cause.CONNECTION_LOST)


def _unreachable(error: BaseException, url: httpx.URL, trusted: str) -> tuple[Cause, str]:
    where = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    system = error.__cause__ if isinstance(error.__cause__, OSError) else error
    match system:
        case socket.gaierror():
            said = (system.strerror or "no address").lower()
            return Cause.DNS, f"the host name {url.host} is not resolved ({said}); {_CHECK_URL}"
        case ssl.SSLCertVerificationError():
            names = error.names if isinstance(error, WrongCertificateError) else ()
            return Cause.CERTIFICATE, _certificate(system, names, url.host, trusted)
        case ssl.SSLError():
            said = (system.reason or "no TLS").replace("_", " ").lower()
            return Cause.TLS, f"{where} speaks no TLS that can be read ({said}); {_CHECK_URL}"
        case httpx.ConnectTimeout():
            return Cause.CONNECT_TIMEOUT, f"{where}: {system}"
        case OSError():
            cause, words = _BY_NUMBER.get(
                system.errno, (Cause.NO_ROUTE, "{where} gives no connection")
            )
            return cause, f"{words.format(where=where)}; {_CHECK_URL}"
        case _:
            return Cause.PROXY, f"the proxy gives no connection ({type(error).__name__})"


def _certificate(
    error: ssl.SSLCertVerificationError, names: tuple[str, ...], host: str, trusted: str
) -> str:
    said = error.verify_message.rstrip(".")
    if error.verify_code in WRONG_NAME:
        shown = ", ".join(names) or "another name"
        return f"its certificate is for {shown}, and not for {host}; {_CHECK_URL}"
    if error.verify_code == EXPIRED:
        return "its certificate has expired; so it would seem, too, by a wrong clock"
    if error.verify_code == NOT_YET_VALID:
        return "its certificate is not valid yet: is this machine's clock right?"
    return (
        f"its certificate is not trusted ({said}): it was checked against {trusted}; "
        "set SSL_CERT_FILE to the file of the CA that signed it"
    )
