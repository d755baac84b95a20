"""What a worker logs at its start, so that an operator sees whether it is set up as intended."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from rerankq.accounts.accounts import Limits
from rerankq.contract import Lane
from rerankq.store.pools import shown_address
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream.keys import is_own_server, looks_made_up
from rerankq_worker.upstream.sites import Account, Key, Site

_TELLING_CHARACTERS: Final = 24
"""A key at least this long may show its last four characters, so that its owner recognises it."""

Said = tuple[str, dict[str, Any]]
"""A line, and its figures by name."""


def banner(
    version: str, settings: WorkerSettings, sites: Sequence[Site], lanes: Sequence[Lane]
) -> Iterator[Said]:
    """The lines; they show no password and no whole key."""
    redis = shown_address(settings.redis_url)
    names = [lane.value for lane in lanes]
    whose = f"{'lane' if len(names) == 1 else 'lanes'} {' and '.join(names)}"
    said = f"rerankq {version}: worker of {whose}; Redis at {redis}"
    yield said, {"version": version, "lanes": names, "redis": redis}
    for site in sites:
        for account in site.accounts:
            yield _upstream(site, account)
    health = _health(settings, len(lanes))
    where = ", ".join(health) or "not served (RERANKQ_HEALTH_PORT)"
    calls, seconds = settings.max_in_flight, settings.call_seconds
    said = (
        f"at most {calls:,} calls at once in a lane's process, {seconds:g} s each; health: {where}"
    )
    yield said, {"max_in_flight": calls, "call_seconds": seconds, "health": health}


def _upstream(site: Site, account: Account) -> Said:
    url, keys = public_url(site.url), [masked(key) for key in account.keys]
    shown = f"{len(keys)} {'key' if len(keys) == 1 else 'keys'}: {', '.join(keys)}"
    limits = _named_limits(account.limits)
    said = f"upstream {account.name}: {url}, dialect {site.dialect}; {shown}; {_limits(limits)}"
    return said, {
        "account": account.name,
        "url": url,
        "dialect": site.dialect,
        "keys": keys,
        "limits": limits,
    }


def public_url(url: str) -> str:
    """A URL without user, password and query, as each may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def masked(key: Key) -> str:
    """What identifies a key to its owner: its last characters if it is long, and its name.

    `rerankq upstream status` shows the same name.
    """
    secret = _secret(key)
    start = "sk-" if secret.startswith("sk-") else ""
    end = secret[-4:] if len(secret) >= _TELLING_CHARACTERS else ""
    return f"{start}…{end} ({key.id})"


def doubtful_keys(sites: Sequence[Site]) -> Iterator[str]:
    """Keys, masked, that would go to a vendor although they look like placeholders."""
    for site in sites:
        if not is_own_server(site.url, site.dialect):
            keys = (key for account in site.accounts for key in account.keys)
            yield from (masked(key) for key in keys if looks_made_up(_secret(key)))


def _secret(key: Key) -> str:
    return key.authorization.rpartition(" ")[2]


def _named_limits(limits: Limits) -> dict[str, int | None]:
    return {
        "requests a minute": limits.rpm,
        "tokens a minute": limits.tpm,
        "calls at once": limits.concurrency,
    }


def _limits(named: Mapping[str, int | None]) -> str:
    told = [f"{value:,} {name}" for name, value in named.items() if value is not None]
    unknown = [name for name, value in named.items() if value is None]
    if not told:
        return "limits: to be found out"
    found = f" ({', '.join(unknown)}: to be found out)" if unknown else ""
    return f"limits: {', '.join(told)}{found}"


def _health(settings: WorkerSettings, lanes: int) -> list[str]:
    if settings.health_port is None:
        return []
    host = f"[{settings.health_host}]" if ":" in settings.health_host else settings.health_host
    return [f"http://{host}:{settings.health_port + nth}" for nth in range(lanes)]
