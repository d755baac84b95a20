"""Calls webhooks: one call for each delivery, with nothing followed and nothing read."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver

# As aiohttp reads URLs: another reader could see another host in them.
from yarl import URL

from rerankq.client.webhooks import Delivery, Verdict
from rerankq.contract import TryOutcome
from rerankq_gateway.webhooks.addresses import Addresses, ForbiddenAddress, GuardedResolver
from rerankq_gateway.webhooks.answer import Answer
from rerankq_gateway.webhooks.names import Names
from rerankq_gateway.webhooks.signing import body_of, headers_of

CALL_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 5.0
MOST_CONNECTIONS: Final = 128
_GONE: Final = 410
_MOST_RETRY_AFTER: Final = 10


class Sender:
    """Makes the calls, while it is entered by `async with`.

    Args:
        addresses: which addresses may be called.
        allow_http: whether URLs without TLS may be called.
        call_seconds: how long a call may take in all.
        resolver: makes what resolves names.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        allow_http: bool,
        call_seconds: float = CALL_SECONDS,
        resolver: Callable[[], AbstractResolver] = Names,
    ) -> None:
        self._addresses = addresses
        self._allow_http = allow_http
        self._call_seconds = call_seconds
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=GuardedResolver(self._addresses, self._resolver()),
                # Each call resolves anew, and connects to just what was checked.
                use_dns_cache=False,
                limit=MOST_CONNECTIONS,
                force_close=True,
            ),
            timeout=aiohttp.ClientTimeout(total=self._call_seconds, sock_connect=CONNECT_SECONDS),
            response_class=Answer,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # No proxy and no .netrc of the environment.
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session:
            await self._session.close()

    def refusal(self, url: str) -> str:
        """Why a URL is never called; empty when it may be, as far as can be told without a call."""
        try:
            parts = URL(url)
        except ValueError:
            return "cannot be read"
        if parts.scheme != "https" and not (parts.scheme == "http" and self._allow_http):
            return "must be https; http is for trials (RERANKQ_GATEWAY_WEBHOOK_HTTP)"
        if not self._addresses.allows_host(parts.host or ""):
            return _FORBIDDEN
        return ""

    async def send(self, delivery: Delivery) -> Verdict:
        """Make the call of one delivery; never raises but when it is cancelled."""
        begun = time.monotonic()
        if reason := self.refusal(delivery.url):
            return Verdict(TryOutcome.FAILED, reason=f"the URL {reason}")
        try:
            status, retry_after = await self._post(delivery)
        except Exception as error:  # noqa: BLE001  foreign: whatever a receiver provokes is one failed try
            return Verdict(TryOutcome.FAILED, ms=_ms(begun), reason=_reason(error))
        if 200 <= status < 300:  # noqa: PLR2004  HTTP's own
            return Verdict(TryOutcome.DELIVERED, status, _ms(begun))
        if status == _GONE:
            return Verdict(TryOutcome.GONE, status, _ms(begun), "it wants no more calls")
        return Verdict(TryOutcome.FAILED, status, _ms(begun), f"it answered {status}", retry_after)

    async def _post(self, delivery: Delivery) -> tuple[int, float | None]:
        if self._session is None:
            raise RuntimeError("the sender is entered before it is used")
        body = body_of(delivery)
        headers = headers_of(delivery.event, body, delivery.secrets, datetime.now(UTC))
        answer = await self._session.post(
            delivery.url, data=body, headers=headers, allow_redirects=False
        )
        # Its body is never read: it may have no end.
        answer.close()
        return answer.status, retry_after_of(answer.headers.get("retry-after", ""))


_FORBIDDEN: Final = (
    "leads to a private address; the operator can allow its network "
    "(RERANKQ_GATEWAY_WEBHOOK_NETWORKS)"
)


def retry_after_of(header: str) -> float | None:
    """The seconds of a Retry-After header, which may also name a time; None when it has none."""
    said = header.strip()
    if said.isdecimal() and len(said) <= _MOST_RETRY_AFTER:
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _ms(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)


def _reason(error: Exception) -> str:
    """What went wrong, in our own words: a foreign message may quote what came."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        if isinstance(cause, Exception):
            causes.append(cause)
        else:
            break
    for kind, said in _REASONS:
        if any(isinstance(each, kind) for each in causes):
            return said
    return f"the call failed ({type(error).__name__})"


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ForbiddenAddress, f"the URL {_FORBIDDEN}"),
    (TimeoutError, "it did not answer in time"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not valid for its name"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ClientConnectorDNSError, "its name cannot be resolved"),
    (aiohttp.ClientConnectorError, "it cannot be connected to"),
    (aiohttp.ServerDisconnectedError, "it closed the connection without an answer"),
    (aiohttp.ClientResponseError, "its answer is no HTTP"),
    (aiohttp.ClientPayloadError, "it sends too many interim answers"),
)
