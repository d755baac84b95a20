"""Lets a request in, or says why not."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from rerankq_gateway.access.principal import OPERATOR, Principal
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.settings import GatewaySettings, is_loopback

Headers = Mapping[bytes, bytes]


class Gate:
    """The gate of a gateway on the loopback without tokens: all programs of this machine may call.

    A web page in a browser of this machine may not: a page can send requests to local ports
    (recognised by `Origin`), also under a name of its own that leads to 127.0.0.1 (`Host`).
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._own: Final = settings.host

    async def admit(self, headers: Headers) -> Principal:
        """Whom the request acts for.

        Raises:
            GatewayError: 403.
        """
        if b"origin" in headers:
            raise _not_from_a_page("this gateway takes no calls from web pages: send no Origin")
        host = _name(headers.get(b"host", b""))
        if host != self._own and not is_loopback(host):
            raise _not_from_a_page(
                "this gateway has no tokens, so it answers only to names of this machine, such as "
                "localhost: create a token (`rerankq token create`) to serve other names"
            )
        return OPERATOR


def _name(host: bytes) -> str:
    """The host's name without its port."""
    try:
        return urlsplit(f"//{host.decode('ascii')}").hostname or ""
    except ValueError:
        return ""


def _not_from_a_page(message: str) -> GatewayError:
    return GatewayError(403, "forbidden_origin", message)
