"""What workers have found out about accounts, keys and models upstream."""

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.client.waiting import reasons
from rerankq.counting import counted
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, note, ok, warning


async def look(set_up: SetUp) -> list[Finding]:
    """Why jobs wait for the upstream, in the words of `rerankq status`."""
    store = await set_up.redis.store()
    breakers, accounts = SharedBreakers(store), Accounts(store)
    tripped = await breakers.tripped()
    unused = await breakers.unused(tripped)
    known = {name: await accounts.look(name) for name in await accounts.names()}
    if not known:
        return [note("upstream_unknown", "no worker has called an upstream through this Redis yet")]
    in_use = {name: each for name, each in tripped.items() if name not in unused}
    found = [
        warning(
            "upstream_out_of_use",
            each.message.removesuffix(f": {reasons.ADVICE}"),
            "repair its cause; `rerankq upstream status` shows more, and workers try again "
            "by themselves",
        )
        for each in reasons.in_order(reasons.of_upstream(known, in_use))
    ]
    usable = ", ".join(sorted(known))
    return found or [ok("upstream", f"{counted(len(known), 'account')} usable: {usable}")]
