"""What stands between jobs and the upstream, in sentences for whoever waits."""

from rerankq.client import AsyncRerankClient
from rerankq.ledger.circuits import CircuitState

ADVICE = "jobs wait meanwhile; see `rerankq upstream status`"


async def obstacles(client: AsyncRerankClient) -> dict[str, str]:
    """A sentence for everything that is closed, by its name.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    closed = await client.circuits.closed()
    sentences = {
        name: f"{name} is {circuit.state} ({circuit.reason}): {ADVICE}"
        for name, circuit in closed.items()
        if circuit.state is not CircuitState.DOUBTED
    }
    for name in await client.accounts.names():
        account = await client.accounts.look(name)
        if account.mode == "broken":
            sentences[name] = f"the upstream {name} is out, and probed until it is back: {ADVICE}"
    return sentences
