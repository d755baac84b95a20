"""Lets a request in, or says why not."""

import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from rerankq_gateway.access.bearer import FRESH_SECONDS, KnownTokens, secret_in
from rerankq_gateway.access.principal import OPERATOR, Principal
from rerankq_gateway.access.settings_tokens import SettingsTokens, Tokens
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.settings import GatewaySettings, is_loopback

Headers = Mapping[bytes, bytes]


class Gate:
    """The gate of a gateway.

    A request with a token acts for the token's holder. Without one it is refused, but on the
    loopback as long as there was never a token: then all programs of this machine may call. A
    web page in a browser of this machine may not: a page can send requests to local ports
    (recognised by `Origin`), also under a name of its own that leads to 127.0.0.1 (`Host`).

    Args:
        settings: the settings in use.
        tokens: the tokens of the ledger.
    """

    def __init__(self, settings: GatewaySettings, tokens: Tokens) -> None:
        self._own: Final = settings.host
        self._on_loopback = settings.on_loopback
        self._tokens = SettingsTokens(settings.token_texts, tokens)
        self._known = KnownTokens(self._tokens)
        self._is_open = False
        self._looked_at = -FRESH_SECONDS

    async def admit(self, headers: Headers) -> Principal:
        """Whom the request acts for.

        Raises:
            GatewayError: 401 or 403.
            LedgerUnavailable: Redis did not answer.
        """
        secret = secret_in(headers)
        if secret and (holder := await self._known.holder(secret)):
            return holder
        if not await self.is_open_to_all():
            said = (
                "this token is not known: it may be revoked or expired"
                if secret
                else ("this gateway needs a token: send `Authorization: Bearer <token>`")
            )
            raise GatewayError(401, "invalid_api_key", f"{said} (`rerankq token create` makes one)")
        if b"origin" in headers:
            raise _not_from_a_page("this gateway takes no calls from web pages: send no Origin")
        self.check_host(headers)
        return OPERATOR

    def check_host(self, headers: Headers) -> None:
        """Refuse a name of this machine that a foreign page may have made up for it.

        Raises:
            GatewayError: 403.
        """
        host = _name(headers.get(b"host", b""))
        if host != self._own and not is_loopback(host):
            raise _not_from_a_page(
                "this gateway has no tokens, so it answers only to names of this machine, such as "
                "localhost: create a token (`rerankq token create`) to serve other names"
            )

    async def is_open_to_all(self) -> bool:
        """Whether nobody needs a token; looked up every few seconds."""
        if not self._on_loopback:
            return False
        if time.monotonic() - self._looked_at >= FRESH_SECONDS:
            self._is_open = not await self._tokens.required()
            self._looked_at = time.monotonic()
        return self._is_open


def _name(host: bytes) -> str:
    """The host's name without its port."""
    try:
        return urlsplit(f"//{host.decode('ascii')}").hostname or ""
    except ValueError:
        return ""


def _not_from_a_page(message: str) -> GatewayError:
    return GatewayError(403, "forbidden_origin", message)
