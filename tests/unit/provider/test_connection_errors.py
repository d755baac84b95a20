"""Maps connection errors to rerankq's errors: cases that a test server cannot produce quickly."""

import errno
import ssl

import httpx
import pytest

from rerankq_worker.provider.connection_errors import EXPIRED, NOT_YET_VALID, connection_fault
from rerankq_worker.upstream.errors import Cause, Unreachable, UpstreamError

URL = httpx.URL("https://user:secret@api.example:8443/v1/rerank?token=secret")


def met(system: OSError | None, error: httpx.TransportError) -> UpstreamError:
    error.__cause__ = system
    return connection_fault(error, url=URL, trusted="the CAs")


@pytest.mark.parametrize(("code", "words"), [(EXPIRED, "expired"), (NOT_YET_VALID, "clock")])
def test_a_certificate_outside_its_validity_is_named(code: int, words: str) -> None:
    """An expired or not yet valid certificate is told apart from one of an unknown CA."""
    system = ssl.SSLCertVerificationError("no")
    system.verify_code, system.verify_message = code, "no"
    error = met(system, httpx.ConnectError("no"))
    assert (type(error), error.cause) == (Unreachable, Cause.CERTIFICATE)
    assert words in str(error)
    assert "SSL_CERT_FILE" not in str(error)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENETUNREACH, Cause.NO_ROUTE),
        (errno.ETIMEDOUT, Cause.CONNECT_TIMEOUT),
        (errno.ECONNREFUSED, Cause.CONNECTION_REFUSED),
        (errno.EHOSTUNREACH, Cause.NO_ROUTE),
        (errno.EMFILE, Cause.NO_ROOM),
        (errno.EADDRNOTAVAIL, Cause.NO_ROOM),
        (None, Cause.NO_ROUTE),
    ],
)
def test_every_system_error_has_a_cause(number: int | None, cause: Cause) -> None:
    """For any number of an OSError, or none, the message names host and port, and no secret."""
    system = OSError(number, "no") if number else OSError("no")
    error = met(system, httpx.ConnectError("no"))
    assert (type(error), error.cause) == (Unreachable, cause)
    assert "api.example:8443" in str(error)
    assert "secret" not in str(error)
