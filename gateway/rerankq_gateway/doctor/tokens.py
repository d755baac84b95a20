"""Whether callers of the gateway need a token, and whether there is one."""

from rerankq.client import AsyncRerankClient
from rerankq.counting import counted
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok
from rerankq_gateway.doctor.settings import gateway_settings


async def look(set_up: SetUp) -> list[Finding]:
    """As at the gateway's start: without tokens it serves its own machine only."""
    await set_up.redis.store()  # whether Redis can be used is found out once, for all checks
    settings = gateway_settings(set_up, with_redis=True)
    async with AsyncRerankClient(settings=settings.of_operator()) as client:
        found = await client.tokens.list()
    if count := len(found) + len(settings.tokens):
        return [ok("gateway_tokens", f"{counted(count, 'token')}: callers need one")]
    if settings.on_loopback:
        what = "there are no tokens: every program on this machine may call the gateway"
        return [note("gateway_tokens_none", what, "`rerankq token create` makes one")]
    return [
        fault(
            "gateway_open_to_all",
            f"other machines can connect to {settings.host}, and there are no tokens: the gateway "
            "does not start",
            "create one (`rerankq token create`), or set RERANKQ_GATEWAY_HOST to 127.0.0.1",
        )
    ]
