"""`rerankq doctor`: looks at this installation, and says what to do."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from importlib.metadata import version
from typing import Annotated, Any, Final

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.settings import ENV_FILE
from rerankq.cli.terminal import put, tell
from rerankq.counting import counted
from rerankq.doctor.check import Check, SetUp
from rerankq.doctor.examination import Examined, examine, worst
from rerankq.doctor.finding import NOT_CHECKED, PAGE, Finding, Level
from rerankq.doctor.own import all_checks
from rerankq.doctor.redis_access import RedisAccess


class DoctorCode(IntEnum):
    """The exit codes of this command."""

    WELL = 0
    WARNED = 1
    FAULTY = 2


_CODES: Final = {
    Level.OK: DoctorCode.WELL,
    Level.NOTE: DoctorCode.WELL,
    Level.WARNING: DoctorCode.WARNED,
    Level.FAULT: DoctorCode.FAULTY,
}
_MARKS: Final[Mapping[Level, str]] = {
    Level.OK: "ok",
    Level.NOTE: "note",
    Level.WARNING: "WARNING",
    Level.FAULT: "FAULT",
}


def doctor(
    *,
    call: Annotated[
        bool,
        typer.Option(
            "--call",
            help="Also make a tiny rerank call or two for each model at each site, with known "
            "answers; says before what they cost.",
        ),
    ] = False,
    json: options.AsJson = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show only warnings and faults.")
    ] = False,
) -> None:
    """Find out what is set up wrong, and what to do.

    Looks at settings, Redis, queues, workers, sites, the gateway and this machine. The names of
    findings are explained in docs/doctor.md. Nothing is changed, and without --call nothing costs
    anything.

    Exit code: 0 nothing worse than notes; 1 warnings; 2 faults. With --json, the object is
    {version, level, checks: [{check, findings: [{code, level, what, advice, link}]}]}.
    """
    examined = asyncio.run(_examined(calls=call, show=None if json else quiet))
    if json:
        put(orjson.dumps(_as_json(examined)).decode())
    raise typer.Exit(_CODES[worst(examined)])


async def _examined(*, calls: bool, show: bool | None) -> list[Examined]:
    """Run the checks; `show`: whether to show only what is bad, None to show nothing.

    It is shown here, before the event loop ends, as that waits for threads that look up names.
    """
    async with RedisAccess(ENV_FILE) as redis:
        set_up = SetUp(os.environ, ENV_FILE, calls=calls, redis=redis)
        checks = list(all_checks(set_up))
        _tell_costs(checks, calls=calls)
        examined = await examine(checks, set_up)
        if show is not None:
            _show(examined, quiet=show)
        return examined


def _tell_costs(checks: Sequence[Check], *, calls: bool) -> None:
    costs = [each.cost for each in checks if each.cost]
    if calls:
        tell(f"rerankq: --call makes {'; '.join(costs) if costs else 'no calls: no site is set'}")


def _show(examined: Sequence[Examined], *, quiet: bool) -> None:
    least = Level.WARNING if quiet else Level.OK
    for each in examined:
        shown = [one for one in each.findings if one.level.rank >= least.rank]
        for finding in (one for one in shown if one.code != NOT_CHECKED):
            _show_finding(each.check, finding)
    if not quiet:
        _show_unchecked(examined)
    levels = [one.level for each in examined for one in each.findings]
    faults, warnings = levels.count(Level.FAULT), levels.count(Level.WARNING)
    if faults or warnings:
        put(
            f"{counted(faults, 'fault')}, {counted(warnings, 'warning')}: the names in brackets "
            f"are explained in {PAGE}"
        )
    elif not quiet:
        put("all is well")


def _show_finding(check: str, finding: Finding) -> None:
    is_well = finding.level is Level.OK
    put(
        f"{_MARKS[finding.level]:7}  {check}: {finding.what}"
        f"{'' if is_well else f' [{finding.code}]'}"
    )
    if finding.advice:
        put(f"{'':7}  -> {finding.advice}")


def _show_unchecked(examined: Iterable[Examined]) -> None:
    """Checks that could not be made, those for the same reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for each in examined:
        for finding in each.findings:
            if finding.code == NOT_CHECKED:
                by_reason.setdefault(finding.what, []).append(each.check)
    for reason, checks in by_reason.items():
        put(f"{'-':7}  not checked: {', '.join(checks)} ({reason})")


def _as_json(examined: Sequence[Examined]) -> dict[str, Any]:
    return {
        "version": version("rerankq"),
        "level": worst(examined),
        "checks": [
            {
                "check": each.check,
                "findings": [
                    {
                        "code": one.code,
                        "level": one.level,
                        "what": one.what,
                        "advice": one.advice,
                        "link": one.link,
                    }
                    for one in each.findings
                ],
            }
            for each in examined
        ],
    }
