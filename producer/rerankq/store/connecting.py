"""Why a connection to Redis failed, read from the redis library's messages."""

import re
from typing import Final

CLOSED_AT_ONCE: Final = "closed before it was used"
"""Text of the error when Redis closes a connection before the first call on it."""
NOTHING_SENT: Final = "nothing of the call was sent"
"""Note on an error of the redis library from before the call had a connection."""

SENTINELS_SILENT: Final = "no Sentinel answers"
NO_SERVICE: Final = "no Sentinel knows the service"
SENTINEL_LOGIN: Final = "a Sentinel refuses the login"
SENTINEL_REFUSES: Final = "a Sentinel refuses to name the primary"
NO_SENTINEL: Final = "what answers is no Sentinel"
"""Beginnings of the errors when Sentinel names no primary."""
PRIMARY_AWAY: Final = "the primary that a Sentinel names"
"""Beginning of the error when nothing answers where Sentinel says that the primary is."""

_DISTRUST: Final = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
_TLS: Final = re.compile(r"\[(?:SSL|X509)(?:: (\w+))?\] ?([\w ]*)")
_CLOSED: Final = (
    "closes each connection at once: if it speaks TLS, write rediss://; if it wants a client's "
    "certificate, name ssl_certfile and ssl_keyfile; else see its log"
)
_LATE: Final = (
    "does not accept the connection in time: check host and port, and whether it speaks TLS: "
    "rediss:// is for TLS, redis:// for none"
)
_UNKNOWN_HOST: Final = (
    "has a host name that is not known here: correct RERANKQ_REDIS_URL, or check DNS"
)
_OTHERS: Final[tuple[tuple[str, str], ...]] = (
    (CLOSED_AT_ONCE, _CLOSED),
    ("Name or service not known", _UNKNOWN_HOST),
    ("No address associated with", _UNKNOWN_HOST),
    ("nodename nor servname", _UNKNOWN_HOST),
    ("Temporary failure in name", "has a host name that cannot be looked up now: check DNS"),
    (
        SENTINELS_SILENT,
        (
            "is not known, as none of its Sentinels answers: check their hosts and ports, and "
            "whether they speak TLS: sentinels:// is for TLS, sentinel:// for none"
        ),
    ),
    (
        PRIMARY_AWAY,
        (
            "cannot be reached where its Sentinels say it is: start it, or wait until they name "
            "another primary"
        ),
    ),
    ("Timeout connecting", _LATE),
    ("Error 13 ", "may not be opened by this user: check the permissions of its socket"),
)

_BY_SENTINEL: Final[tuple[tuple[str, str], ...]] = (
    (
        NO_SERVICE,
        (
            "is not known to its Sentinels: correct the name of the service in RERANKQ_REDIS_URL; "
            "SENTINEL MASTERS lists the names"
        ),
    ),
    (
        SENTINEL_LOGIN,
        (
            "is not told, as a Sentinel refuses user or password: set sentinel_username and "
            "sentinel_password in RERANKQ_REDIS_URL"
        ),
    ),
    (
        NO_SENTINEL,
        (
            "cannot be looked up, as what answers there is no Sentinel: correct RERANKQ_REDIS_URL "
            "(a Sentinel's port is 26379 as a rule)"
        ),
    ),
    (
        SENTINEL_REFUSES,
        "is not told, as a Sentinel refuses SENTINEL GET-MASTER-ADDR-BY-NAME: correct its ACL",
    ),
)
"""What a Sentinel has said. It lasts until somebody changes the address or the Sentinel."""


def why_no_connection(said: str) -> str | None:
    """The reason and what to do, to follow the address; None when the reason is not known.

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
            f"cannot agree on TLS ({(fault[1] or fault[2]).strip()}): check whether it "
            "speaks TLS, and the ssl_ options of RERANKQ_REDIS_URL"
        )
    return why_not_told(said) or next((text for words, text in _OTHERS if words in said), None)


def why_not_told(said: str) -> str | None:
    """The reason that Sentinel does not name the primary, if that is what is said."""
    return next((text for words, text in _BY_SENTINEL if words in said), None)


def is_tls_fault(said: str) -> bool:
    """Whether TLS failed: a certificate, a key, or the other side's protocol."""
    return _TLS.search(said) is not None
