"""Whether there are keys for the upstream, and which: shown so that only their owner knows them."""

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, ok, split, warning
from rerankq.errors import SettingsError
from rerankq_worker.doctor.set_up import known_sites
from rerankq_worker.telemetry.banner import doubtful_keys, masked


async def look(set_up: SetUp) -> list[Finding]:
    """Each account with its keys, as the worker shows them at its start."""
    try:
        sites = known_sites(set_up)
    except SettingsError as error:
        return [fault("keys_missing", *split(str(error)))]
    found = [
        ok("keys", f"account {account.name}: {', '.join(map(masked, account.keys))}")
        for site in sites
        for account in site.accounts
    ]
    doubtful = [
        warning(
            "key_doubtful",
            f"the key {name} has no digit: it looks like a placeholder",
            "if it is one, set your own key",
        )
        for name in doubtful_keys(sites)
    ]
    return found + doubtful
