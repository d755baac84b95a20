"""Accounts and sites: what they allow, what is used, and what is out of use and why."""

from rerankq.client.upstream import UpstreamStatus
from rerankq.contract import Scope
from rerankq.errors import InvalidRequest
from rerankq_gateway.console.answers import Answer, Moved, Page
from rerankq_gateway.console.elements import badge, section, table
from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, count, moment

_ACCOUNTS = (
    "Account",
    "State",
    "Until",
    "Cause",
    "Calls a second",
    "Limits",
    "In flight",
    "Workers",
)
_BREAKERS = ("Key, model or account", "State", "Since", "Next probe", "Reason")


async def page(visit: Visit) -> Answer:
    """The whole upstream."""
    found = await visit.client.operations.upstream.status()
    content = joined(
        section("Accounts", _accounts(visit, found), live="accounts"),
        section("Open breakers", _breakers(visit, found), live="breakers"),
    )
    return Page("Upstream", content, "upstream")


def _accounts(visit: Visit, found: UpstreamStatus) -> Html:
    rows: list[list[Node]] = []
    for name, each in found.accounts.items():
        limits = ", ".join(f"{what} {count(most)}" for what, most in each.limits.known().items())
        until = moment((each.now + each.wait_ms) / 1000) if each.wait_ms else NONE
        rate = f"{each.rate:,.1f} {'at most' if each.limited else 'and rising'}"
        state = found.state_of(name)
        row: list[Node] = [
            *(tag("code", name), badge(state), until, each.cause or NONE, rate),
            *(limits or "found by itself", f"{each.in_flight:,.0f}", count(each.workers)),
        ]
        if visit.may(Scope.OPERATE):
            row.append(_act(visit, name, state))
        rows.append(row)
    heads = (*_ACCOUNTS, *(["Acts"] if visit.may(Scope.OPERATE) else []))
    return table(
        "Accounts",
        heads,
        rows,
        empty="No worker has called an upstream yet.",
        numbers=("In flight", "Workers"),
    )


def _act(visit: Visit, name: str, state: str) -> Node:
    if state in {"usable", "unused"}:
        return visit.act("Pause", "upstream", "pause", name=name)
    return visit.act("Resume", "upstream", "resume", name=f"account {name}", kind="main")


def _breakers(visit: Visit, found: UpstreamStatus) -> Html:
    rows: list[list[Node]] = []
    for name, each in found.breakers.items():
        state = "unused" if name in found.unused else each.state.value
        probe = moment(each.probe_at / 1000) if each.every else NONE
        reason = f"{each.reason} ({each.code})"
        row: list[Node] = [
            *(tag("code", name), badge(state), moment(each.since / 1000), probe, reason)
        ]
        if visit.may(Scope.OPERATE):
            row.append(visit.act("Resume", "upstream", "resume", name=name, kind="main"))
        rows.append(row)
    for account, known in found.accounts.items():
        for worker, cause in known.cut_off.items():
            said = f"only this worker gets no rankings from {account} ({cause}): check its network"
            last: list[Node] = [NONE] if visit.may(Scope.OPERATE) else []
            rows.append([tag("code", worker), badge("cut off"), NONE, NONE, said, *last])
    heads = (*_BREAKERS, *(["Acts"] if visit.may(Scope.OPERATE) else []))
    return table(
        "Open breakers", heads, rows, empty="All are closed: every key, model and account is used."
    )


async def pause(visit: Visit) -> Answer:
    """Make no new calls with an account."""
    name = visit.given("name")
    async with visit.parts.audited(visit.who, "upstream.pause", name):
        await visit.client.operations.upstream.pause([name], reason="in the console")
    return Moved(visit.to("upstream", done="paused"))


async def resume(visit: Visit) -> Answer:
    """Use an account, a key or a model again at once."""
    name = visit.given("name")
    async with visit.parts.audited(visit.who, "upstream.resume", name):
        if not await visit.client.operations.upstream.resume([name]):
            raise InvalidRequest("name", "is in use already: load the page again")
    return Moved(visit.to("upstream", done="resumed"))
