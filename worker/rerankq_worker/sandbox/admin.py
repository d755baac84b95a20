"""`/_sandbox/`: set faults, read the log and the counts. Answers this machine only."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

import orjson
from aiohttp import web

from rerankq_worker.sandbox.delivery import reply
from rerankq_worker.sandbox.errors import GatewayError
from rerankq_worker.sandbox.journal import Journal
from rerankq_worker.sandbox.rules import FaultRules, read_rules

FAULTS_PATH = "/_sandbox/faults"
LOG_PATH = "/_sandbox/log"
STATS_PATH = "/_sandbox/stats"
_PAGE = 10_000
_MAX_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Admin:
    """The handlers of the paths that only tests and operators use.

    Attributes:
        rules: Fault rules that can be set and cleared.
        journal: What the log and the counts are read from.
    """

    rules: FaultRules
    journal: Journal

    def routes(self) -> list[web.RouteDef]:
        """The routes to serve."""
        return [
            web.post(FAULTS_PATH, self.add_faults),
            web.get(FAULTS_PATH, self.show_faults, allow_head=False),
            web.delete(FAULTS_PATH, self.clear_faults),
            web.get(LOG_PATH, self.show_log, allow_head=False),
            web.get(STATS_PATH, self.show_stats, allow_head=False),
        ]

    async def add_faults(self, request: web.Request) -> web.Response:
        """Append the rules of the body, a JSON list: all of them, or none if one is wrong."""
        _only_local(request)
        return _json({"rules": self.rules.add(read_rules(await request.read()))})

    async def show_faults(self, request: web.Request) -> web.Response:
        """The rules and how often each fired."""
        _only_local(request)
        return _json({"rules": self.rules.report()})

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Forget all rules."""
        _only_local(request)
        self.rules.clear()
        return _json({"rules": 0})

    async def show_log(self, request: web.Request) -> web.Response:
        """Calls numbered above `since` (0 if not given), a page of at most 10,000."""
        _only_local(request)
        since = request.query.get("since", "0")
        if len(since) > _MAX_DIGITS or not (since.isascii() and since.isdecimal()):
            raise GatewayError(400, "since: a whole number is needed", "invalid_request")
        return _json({"entries": self.journal.since(int(since), _PAGE)})

    async def show_stats(self, request: web.Request) -> web.Response:
        """Counts since the start of the server."""
        _only_local(request)
        return _json(self.journal.stats())


def is_local(remote: str | None) -> bool:
    """Whether a peer's address is this machine's loopback."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _only_local(request: web.Request) -> None:
    if not is_local(request.remote):
        raise GatewayError(403, "only this machine may do that", "forbidden")


def _json(value: dict[str, Any]) -> web.Response:
    return reply(200, orjson.dumps(value))
