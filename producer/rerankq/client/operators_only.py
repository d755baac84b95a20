"""What a tenant's client has in the place of operators' parts."""

from typing import Any, NoReturn

from rerankq.errors import InvalidRequest


class OperatorsOnly:
    """Refuses every use.

    Args:
        name: of the part, as an attribute of the client.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, _: str) -> NoReturn:
        raise InvalidRequest(
            "tenant",
            f"has no {self._name}: these are for operators, on the client without tenant (unset "
            "RERANKQ_TENANT, if it is set)",
        )


def refuse(client: Any) -> None:
    """Put a refusal into the place of each of the client's parts that are for operators."""
    for name in ("operations", "tokens", "sessions", "tenants", "imports", "outbox"):
        setattr(client, name, OperatorsOnly(name))
