"""Whether the gateway's certificate belongs to its key, and for how long it is valid."""

import ssl
import time
from pathlib import Path
from typing import Final

from rerankq.doctor.blocking import in_thread
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, ok, warning
from rerankq_gateway.doctor.settings import gateway_settings

SOON_DAYS: Final = 14
DAY: Final = 86_400
_EXPIRED: Final = 10
_NOT_YET: Final = 9
"""OpenSSL's numbers (X509_V_ERR_*)."""


async def look(set_up: SetUp) -> list[Finding]:
    """Nothing if it serves without TLS."""
    settings = gateway_settings(set_up)
    certificate, key = settings.tls_cert, settings.tls_key
    if not certificate or not key:
        return []
    return await in_thread(lambda: [_looked(certificate, key)])


def _looked(certificate: Path, key: Path) -> Finding:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(certificate, key, password=_none)
    except OSError as error:  # ssl's own errors too
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        why = (reason or "it cannot be read").replace("_", " ").lower()
        return fault(
            "gateway_certificate_wrong",
            f"the certificate cannot be used with its key ({why})",
            "name files in PEM form that belong together: RERANKQ_GATEWAY_TLS_CERT and "
            "RERANKQ_GATEWAY_TLS_KEY",
        )
    try:
        ends = _ends(server, certificate)
    except ssl.SSLCertVerificationError as error:
        return _invalid(error)
    days = (ends - time.time()) / DAY
    what = f"the certificate is valid for {days:,.0f} more days"
    if days < SOON_DAYS:
        return warning("gateway_certificate_ends", what, "renew it, and restart the gateway")
    return ok("gateway_certificate", what)


def _ends(server: ssl.SSLContext, certificate: Path) -> float:
    """When the certificate ends, in Unix seconds.

    Python shows the fields of a certificate only to a client that trusts it: so both sides of a
    connection are played in memory, and the client trusts this very certificate.

    Raises:
        SSLCertVerificationError: it is not valid now.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    done = [False, False]
    while not all(done):
        for at, side in enumerate((one, other)):
            try:
                side.do_handshake()
                done[at] = True
            except ssl.SSLWantReadError:
                continue
    shown = one.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))


def _invalid(error: ssl.SSLCertVerificationError) -> Finding:
    if error.verify_code == _EXPIRED:
        what = "the certificate has expired, so callers refuse it"
    elif error.verify_code == _NOT_YET:
        what = "the certificate is not valid yet"
    else:
        what = f"the certificate is not valid ({error.verify_message.rstrip('.')})"
    return fault("gateway_certificate_ended", what, "renew it, and restart the gateway")


def _none() -> str:
    """Nobody is asked for a password: the gateway cannot ask either."""
    return ""
