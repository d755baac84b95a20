"""`rerankq upstream`: the accounts with the upstream and the open breakers; pause and resume."""

from collections.abc import Mapping
from typing import Annotated, Final

import orjson
import typer

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import TrippedBreaker, account_breaker
from rerankq.cli import options
from rerankq.cli.asking import act, ask
from rerankq.cli.failures import CommandError
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put
from rerankq.cli.times import local_time
from rerankq.client import AsyncRerankClient
from rerankq.client.upstream import out_of_use
from rerankq.errors import InvalidRequest

app = options.group("upstream", "Look at the upstream's limits; pause it.")

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Accounts, or open breakers, as `status` names them."),
]


@app.command()
def status(*, json: options.AsJson = False) -> None:
    """Show each account with its limits, and each open breaker with its reason.

    Accounts: a `usable` one gets at most as many calls a second as shown. `throttled` and `broken`
    get only a probe now and then, or no call until the time shown if the upstream named one.
    `unused`: no worker has asked for it in the last minute. `workers`: how many had jobs for it in
    the last seconds; idle ones are not counted. With --json, a usable account's state is `open`.

    Open breakers, of keys, models and accounts: workers probe `doubted` and `parked` ones by
    themselves, `paused` waits for `rerankq upstream resume`, and `unused` is one that no worker
    probed when that was due, such as a key that was replaced. Jobs wait meanwhile, and use no
    attempt.

    A worker that is `cut off` gets no rankings while other workers do: it takes no jobs until one
    of its calls is answered.
    """
    found = ask(lambda client: client.operations.upstream.status())
    accounts, tripped, unused = found.accounts, found.breakers, found.unused
    if json:
        shown = {name: _shown(account) for name, account in accounts.items()}
        breakers = {
            name: _shown_breaker(each, is_unused=name in unused) for name, each in tripped.items()
        }
        put(orjson.dumps({"accounts": shown, "breakers": breakers}).decode())
        return
    if not accounts:
        put("no worker has called an upstream through this Redis yet")
    else:
        show_table(_ACCOUNTS, _accounts(accounts, tripped))
    if tripped or any(_alarm(each) or each.cut_off for each in accounts.values()):
        put("")
        show_table(_BREAKERS, _breakers(accounts, tripped, unused))


@app.command()
def pause(
    *,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Accounts.")],
    reason: Annotated[str, typer.Option(help="Shown by `status`.")] = "by an operator",
) -> None:
    """Make no new calls with an account until it is resumed. Calls under way are finished."""

    async def question(client: AsyncRerankClient) -> None:
        try:
            await client.operations.upstream.pause(names, reason=reason)
        except InvalidRequest as fault:
            raise CommandError(f"{fault.reason}: see `rerankq upstream status`") from None

    act("upstream.pause", " ".join(names), question, reason=reason)
    put(f"paused: {', '.join(names)}")


@app.command()
def resume(
    *,
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="All that are out of use.")] = False,
) -> None:
    """Use an account, a key or a model again at once: close its breaker.

    An account counts as usable again. Jobs that wait after a failure are tried at once.
    """
    if bool(names) == every:
        raise CommandError("name what to resume, or use --all")

    async def question(client: AsyncRerankClient) -> list[str]:
        upstream = client.operations.upstream
        closed = await upstream.out_of_use()
        wanted = closed
        if not every:
            wanted = [each for name in names or () for each in _named(name, closed)]
        return await upstream.resume(wanted)

    resumed = act("upstream.resume", " ".join(names or ()) or "all", question)
    put(f"resumed: {', '.join(resumed)}" if resumed else "nothing to resume: all is in use")


def _alarm(account: Allotment) -> str:
    """The same, if a worker has jobs that wait for it."""
    return out_of_use(account) if account.in_use else ""


def _named_state(account: Allotment) -> str:
    return (out_of_use(account) or "open") if account.in_use else "unused"


def _in_words(state: str) -> str:
    """A state for people, to whom `open` would say that a breaker is open."""
    return "usable" if state == "open" else state


def _shown(account: Allotment) -> dict[str, object]:
    """An account as it is shown with --json."""
    return {
        "state": _named_state(account),
        "since": account.since / 1000 or None,
        "until": (account.now + account.wait_ms) / 1000 if account.wait_ms else None,
        "cause": account.cause or None,
        "calls_per_second": round(account.rate, 3),
        "limits": account.limits.known(),
        "in_flight": int(account.in_flight),
        "workers": account.workers,
        "cut_off": account.cut_off,
    }


def _shown_breaker(breaker: TrippedBreaker, *, is_unused: bool) -> dict[str, object]:
    """A breaker as it is shown with --json; times are Unix seconds."""
    return {
        "state": "unused" if is_unused else breaker.state,
        "code": breaker.code,
        "reason": breaker.reason,
        "since": breaker.since / 1000,
        "next_probe": breaker.probe_at / 1000 if breaker.every else None,
    }


def _named(name: str, out_of_use: list[str]) -> list[str]:
    """Those with that name.

    An account may be given without the word "account", and a key by its fingerprint alone: that
    means all sites at which it is out of use.
    """
    found = [each for each in out_of_use if each in {name, account_breaker(name)}]
    found = found or [each for each in out_of_use if _is_key(each, name)]
    if found:
        return found
    raise CommandError(f"{name} is not out of use: see `rerankq upstream status`")


def _is_key(breaker: str, fingerprint: str) -> bool:
    return breaker.startswith("key ") and breaker.rpartition(" ")[2] == fingerprint


_ACCOUNTS: Final = (
    *(Column("account", whole=True), Column("state"), Column("since", whole=True)),
    *(Column("calls/s"), Column("limits"), Column("in flight"), Column("workers")),
)
_BREAKERS: Final = (
    *(Column("breaker"), Column("state"), Column("since", whole=True)),
    *(Column("next call", whole=True), Column("reason")),
)


def _accounts(
    accounts: Mapping[str, Allotment], tripped: Mapping[str, TrippedBreaker]
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, account in accounts.items():
        breaker = tripped.get(account_breaker(name))
        limits = ", ".join(f"{limit} {most:,}" for limit, most in account.limits.known().items())
        state = breaker.state.value if breaker else _in_words(_named_state(account))
        since = _time(breaker.since if breaker else account.since)
        rows.append(
            (
                *(name, state, since, f"{account.rate:,.1f}"),
                *(limits or "found by itself", f"{account.in_flight:,.0f}", str(account.workers)),
            )
        )
    return rows


def _breakers(
    accounts: Mapping[str, Allotment], tripped: Mapping[str, TrippedBreaker], unused: frozenset[str]
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, account in accounts.items():
        if state := _alarm(account):
            next_call = _time(account.now + account.wait_ms)
            since = _time(account.since)
            rows.append((account_breaker(name), state, since, next_call, account.cause))
        for worker, cause in account.cut_off.items():
            reason = f"only this worker gets no rankings from {name} ({cause}): check its network"
            rows.append((f"worker {worker}", "cut off", "", "", reason))
    for name, breaker in tripped.items():
        next_call = _time(breaker.probe_at if breaker.every else 0)
        reason = f"{breaker.reason} ({breaker.code})"
        state = "unused" if name in unused else breaker.state.value
        rows.append((name, state, _time(breaker.since), next_call, reason))
    return rows


def _time(milliseconds: float) -> str:
    return local_time(milliseconds / 1000, "seconds") if milliseconds else ""
