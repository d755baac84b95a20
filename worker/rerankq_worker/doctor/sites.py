"""Whether each site can be reached from here: name, network, proxy, TLS. No key is sent."""

from collections.abc import Iterator
from functools import partial
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from rerankq.doctor.check import Check, SetUp
from rerankq.doctor.finding import Finding, fault, ok, split, warning
from rerankq.errors import SettingsError
from rerankq_worker.doctor.set_up import sites_or_none
from rerankq_worker.provider import HttpProvider
from rerankq_worker.provider.environment import check_environment
from rerankq_worker.provider.proxies import Proxy, proxy_for
from rerankq_worker.provider.trust import trust
from rerankq_worker.telemetry.banner import public_url
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import Unreachable
from rerankq_worker.upstream.keys import is_own_server
from rerankq_worker.upstream.sites import Site

CONNECT_SECONDS: Final = 20.0
_PRIVATE: Final = (".local", ".internal", ".lan", ".svc", ".cluster.local")


def checks(set_up: SetUp) -> Iterator[Check]:
    """One check for each site."""
    for site in sites_or_none(set_up):
        yield Check(f"site {site.name}", partial(_look, site), seconds=CONNECT_SECONDS + 5)


async def _look(site: Site, _: SetUp) -> list[Finding]:
    try:
        check_environment([site])
        proxy = proxy_for(site.url)
    except SettingsError as error:
        return [fault("site_environment", *split(str(error)))]
    return [await _reached(site, proxy), *_in_the_clear(site)]


async def _reached(site: Site, proxy: Proxy | None) -> Finding:
    dialect = DIALECTS[site.dialect](**site.options)
    began = perf_counter()
    async with HttpProvider(
        url=site.url, dialect=dialect, call_seconds=CONNECT_SECONDS
    ) as provider:
        try:
            await provider.reach()
        except Unreachable as error:
            what, advice = _split(str(error))
            return fault("site_unreachable", f"{public_url(site.url)}: {what}", advice)
    ms = (perf_counter() - began) * 1000
    by = f", by the proxy {proxy.host}:{proxy.port}" if proxy else ""
    tls = f", its certificate checked against {trust().source}" if _is_secure(site) else ""
    return ok("site_reached", f"{public_url(site.url)} reached in {ms:,.0f} ms{by}{tls}")


def _in_the_clear(site: Site) -> Iterator[Finding]:
    host = urlsplit(site.url).hostname or ""
    if _is_secure(site) or is_own_server(site.url, site.dialect) or host.endswith(_PRIVATE):
        return
    yield warning(
        "site_in_the_clear",
        f"{public_url(site.url)} is called without TLS: key and documents can be read on the way",
        "write https:// in its address, if it offers that",
    )


def _is_secure(site: Site) -> bool:
    return urlsplit(site.url).scheme == "https"


def _split(message: str) -> tuple[str, str]:
    """What happened, and what to do: most messages end with the advice, after a semicolon."""
    what, _, advice = message.rpartition("; ")
    if what:
        return what, advice
    return message, "docs/upstream.md explains the causes"
