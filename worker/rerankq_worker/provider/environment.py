"""Checks, when a worker starts, the environment variables that decide how endpoints are called.

Each fault is one line that names its variable. Found later, it would be a traceback in each lane,
again and again.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from rerankq.errors import SettingsError
from rerankq_worker.provider.proxies import proxy_for
from rerankq_worker.provider.trust import check_key_log, trust
from rerankq_worker.upstream.sites import Site


def check_environment(sites: Iterable[Site]) -> None:
    """Check that each site can be called with this environment.

    Raises:
        SettingsError: a proxy, a CA file, a TLS key log or a site's address cannot be used; names
            the variable, and nothing secret in it.
    """
    check_key_log()
    trust()
    for site in sites:
        if "@" in urlsplit(site.url).netloc:
            raise SettingsError(
                f"the address of site {site.name} holds a user or a password, which are not sent: "
                "leave them out; a key belongs in RERANKQ_API_KEYS, or in the variable that the "
                "site's account names"
            )
        proxy_for(site.url)
