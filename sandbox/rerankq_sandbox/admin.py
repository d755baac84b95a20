"""`/_sandbox/`: sets what the sandbox does, and shows what it has seen. Only for this machine."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from rerankq_sandbox.admin_access import refusal_of
from rerankq_sandbox.delivery import reply
from rerankq_sandbox.error_table import ERRORS
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.journal import Journal
from rerankq_sandbox.metering.limiter import Limiter
from rerankq_sandbox.metering.limits import read_changes, read_limits
from rerankq_sandbox.rules import FaultRules, read_rules
from rerankq_sandbox.scenario import read_scenario
from rerankq_sandbox.timeline import Timeline

FAULTS_PATH = "/_sandbox/faults"
LIMITS_PATH = "/_sandbox/limits"
SCENARIO_PATH = "/_sandbox/scenario"
ERRORS_PATH = "/_sandbox/errors"
LOG_PATH = "/_sandbox/log"
STATS_PATH = "/_sandbox/stats"
_PAGE = 10_000
_MAX_DIGITS = 15

_Show = Callable[[web.Request], Awaitable[dict[str, Any]]]
_Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Admin:
    """The handlers of the paths that only tests and operators use.

    Attributes:
        rules: Fault rules that can be set and cleared.
        limiter: Limits that can be set, and what accounts have used.
        timeline: Plays scenarios.
        journal: The source of the log and the counts.
    """

    rules: FaultRules
    limiter: Limiter
    timeline: Timeline
    journal: Journal

    def routes(self) -> list[web.RouteDef]:
        """The routes to serve."""
        paths: list[tuple[str, str, _Show]] = [
            ("GET", FAULTS_PATH, self.show_faults),
            ("POST", FAULTS_PATH, self.add_faults),
            ("DELETE", FAULTS_PATH, self.clear_faults),
            ("GET", LIMITS_PATH, self.show_limits),
            ("PUT", LIMITS_PATH, self.replace_limits),
            ("POST", LIMITS_PATH, self.change_limits),
            ("GET", SCENARIO_PATH, self.show_scenario),
            ("POST", SCENARIO_PATH, self.start_scenario),
            ("DELETE", SCENARIO_PATH, self.stop_scenario),
            ("GET", ERRORS_PATH, self.show_errors),
            ("GET", LOG_PATH, self.show_log),
            ("GET", STATS_PATH, self.show_stats),
            ("DELETE", STATS_PATH, self.forget_stats),
        ]
        return [web.route(method, path, _local_json(show)) for method, path, show in paths]

    async def add_faults(self, request: web.Request) -> dict[str, Any]:
        """Append the rules of the body, a JSON list: all of them, or none if one is wrong."""
        return {"rules": self.rules.add(read_rules(await request.read()))}

    async def show_faults(self, _request: web.Request) -> dict[str, Any]:
        """The rules and how often each fired."""
        return {"rules": self.rules.report()}

    async def clear_faults(self, _request: web.Request) -> dict[str, Any]:
        """Forget all rules."""
        self.rules.clear()
        return {"rules": 0}

    async def show_limits(self, _request: web.Request) -> dict[str, Any]:
        """The limits in force, by account."""
        self.timeline.advance(time.monotonic())
        return {name: limits.model_dump() for name, limits in self.limiter.limits.items()}

    async def replace_limits(self, request: web.Request) -> dict[str, Any]:
        """Replace all limits by those of the body, from now on."""
        limits = read_limits(await request.read())
        # First apply what the scenario has due, or the next call would apply it over these limits.
        self.timeline.advance(time.monotonic())
        self.limiter.replace(limits)
        return await self.show_limits(request)

    async def change_limits(self, request: web.Request) -> dict[str, Any]:
        """Set the limits of the accounts in the body, and leave the others as they are."""
        changes = read_changes(await request.read())
        self.timeline.advance(time.monotonic())
        merged = self.limiter.limits | changes
        self.limiter.replace({name: own for name, own in merged.items() if own is not None})
        return await self.show_limits(request)

    async def show_scenario(self, _request: web.Request) -> dict[str, Any]:
        """How far the scenario is."""
        return self.timeline.report()

    async def start_scenario(self, request: web.Request) -> dict[str, Any]:
        """Play the scenario of the body, from now on."""
        self.timeline.start(read_scenario(await request.read()), time.monotonic())
        return self.timeline.report()

    async def stop_scenario(self, _request: web.Request) -> dict[str, Any]:
        """End the scenario, and undo what it changed."""
        self.timeline.stop()
        return self.timeline.report()

    async def show_errors(self, _request: web.Request) -> dict[str, Any]:
        """The error table: each row's name, what it means and what it sends."""
        return {
            name: {
                "meaning": row.meaning,
                "status": row.status,
                "content_type": row.shape.content_type,
                "body": row.shape.write(row.refusal(), "<request id>").decode(),
            }
            for name, row in ERRORS.items()
        }

    async def show_log(self, request: web.Request) -> dict[str, Any]:
        """Calls numbered above `since` (0 if not given), a page of at most 10,000."""
        since = request.query.get("since", "0")
        if len(since) > _MAX_DIGITS or not (since.isascii() and since.isdecimal()):
            raise GatewayError(400, "since: a whole number is needed", "invalid_request")
        return {"entries": self.journal.since(int(since), _PAGE)}

    async def show_stats(self, _request: web.Request) -> dict[str, Any]:
        """Counts since the start of the server, or since they were forgotten."""
        stats, metered = self.journal.stats(), self.limiter.report()
        for name, counts in stats["accounts"].items():
            counts.update(metered.get(name, {}))
        return stats

    async def forget_stats(self, request: web.Request) -> dict[str, Any]:
        """Reset the counts."""
        self.journal.forget()
        self.limiter.forget()
        return await self.show_stats(request)


def _local_json(show: _Show) -> _Handler:
    """A handler that sends the result of `show` as JSON, to programs on this machine only."""

    async def handle(request: web.Request) -> web.Response:
        refusal = refusal_of(request.remote, request.headers, _port(request))
        if refusal:
            raise GatewayError(403, refusal, "forbidden")
        return reply(200, orjson.dumps(await show(request)))

    return handle


def _port(request: web.Request) -> int:
    """The port on which the request came."""
    # None once the client is gone: then the answer reaches nobody.
    return int(request.get_extra_info("sockname", (None, 0))[1])
