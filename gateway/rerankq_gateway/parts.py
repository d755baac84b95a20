"""What every group of routes gets, and what it has to have."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from fastapi import APIRouter

from rerankq.client import AsyncRerankClient
from rerankq.history.audit import Act, Actor
from rerankq_gateway.access.principal import Principal
from rerankq_gateway.asgi import HotHandler
from rerankq_gateway.duties import Duty
from rerankq_gateway.places import Places
from rerankq_gateway.settings import GatewaySettings
from rerankq_gateway.shutdown import Shutdown
from rerankq_gateway.waiters import Waiters

MOST_UPLOADS: Final = 8
"""Uploads of one process at a time: each may put RERANKQ_GATEWAY_MAX_UPLOAD bytes on the disk."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one gateway process.

    Attributes:
        settings: the settings in use.
        client: the operator's client, which sees all.
        shutdown: whether the process is about to end.
        waiters: the requests that wait for a job.
        streams: places of those who read events, results and files.
        uploads: places of those who send many jobs, or a file.
    """

    settings: GatewaySettings
    client: AsyncRerankClient
    shutdown: Shutdown
    waiters: Waiters
    streams: Places
    uploads: Places

    @classmethod
    def of(cls, settings: GatewaySettings, client: AsyncRerankClient, shutdown: Shutdown) -> Self:
        """The parts with these settings."""
        return cls(
            settings=settings,
            client=client,
            shutdown=shutdown,
            waiters=Waiters(settings.max_waiters, shutdown),
            streams=Places(
                settings.max_streams,
                "too_many_streams",
                "callers read events, results or files here already (RERANKQ_GATEWAY_MAX_STREAMS): "
                "try again later, or start more gateways",
            ),
            uploads=Places(
                MOST_UPLOADS,
                "too_many_uploads",
                "uploads are under way here: try again in a moment",
            ),
        )

    def client_for(self, principal: Principal) -> AsyncRerankClient:
        """The client that sees and makes only what is the caller's."""
        return self.client.for_tenant(principal.tenant)

    def audited(
        self, principal: Principal, action: str, subject: str = ""
    ) -> AbstractAsyncContextManager[Act]:
        """Notes in the audit trail what is done in the block, and how it went.

        Args:
            principal: who does it.
            action: what is done, such as `batch.pause`.
            subject: the id that it is done to; it may be told once it is known.
        """
        name = f"token {principal.token_id}" if principal.token_id else "anonymous"
        actor = Actor(name, "gateway", principal.tenant)
        return self.client.audit.act(actor, action, subject)


class RouteGroup(Protocol):
    """A group of routes: a package with these functions."""

    def routes(self, parts: Parts) -> APIRouter:
        """Its routes that FastAPI serves."""

    def hot(self, parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
        """Its routes that are served without FastAPI, by method and path."""

    def described(self) -> Mapping[str, Any]:
        """The hot routes as OpenAPI describes them: path items by path."""

    def duties(self, parts: Parts) -> list[Duty]:
        """Its work beside requests."""
