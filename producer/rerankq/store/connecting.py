"""Why there is no connection to Redis, read from the words of the redis library."""

import re
from typing import Final

CLOSED_AT_ONCE: Final = "closed before it was used"
"""Text of the error of a connection that was closed before anything but a greeting was asked."""
NOTHING_SENT: Final = "nothing of the call was sent"
"""Note on an error of the redis library that came before there was a connection for the call."""

_DISTRUST: Final = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
_TLS: Final = re.compile(r"\[(?:SSL|X509)(?:: (\w+))?\] ?([\w ]*)")
_CLOSED: Final = (
    "closes each connection at once: if it speaks TLS, write rediss://; if it wants a client's "
    "certificate, name ssl_certfile and ssl_keyfile; else see its log"
)
_LATE: Final = (
    "does not accept the connection in time: see host and port, and whether it speaks TLS, as "
    "rediss:// says, or none, as redis:// says"
)
_UNKNOWN_HOST: Final = (
    "has a host name that is not known here: correct RERANKQ_REDIS_URL, or see to DNS"
)
_OTHERS: Final[tuple[tuple[str, str], ...]] = (
    (CLOSED_AT_ONCE, _CLOSED),
    ("Timeout connecting", _LATE),
    ("Name or service not known", _UNKNOWN_HOST),
    ("No address associated with", _UNKNOWN_HOST),
    ("nodename nor servname", _UNKNOWN_HOST),
    ("Temporary failure in name", "has a host name that cannot be looked up now: see to DNS"),
    ("Error 13 ", "may not be opened by this user: see the rights of its socket"),
)


def why_no_connection(said: str) -> str | None:
    """The reason and what to do, to follow upon the address; None where there is no more to say.

    Args:
        said: the text of the library's error.
    """
    if distrust := _DISTRUST.search(said):
        return (
            f"shows a certificate that is not trusted ({distrust[1]}): name its CA by "
            "ssl_ca_certs in RERANKQ_REDIS_URL, or by SSL_CERT_FILE"
        )
    if fault := _TLS.search(said):
        return (
            f"does not come to terms over TLS ({(fault[1] or fault[2]).strip()}): see whether it "
            "speaks TLS, and the ssl_ options of RERANKQ_REDIS_URL"
        )
    return next((text for words, text in _OTHERS if words in said), None)


def is_tls_fault(said: str) -> bool:
    """Whether it was TLS that failed: by a certificate, a key, or what the other side speaks."""
    return _TLS.search(said) is not None
