"""Runs checks side by side: each has its time, and a broken one hides no other."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rerankq.doctor.check import Check, SetUp
from rerankq.doctor.finding import (
    NOT_CHECKED,
    CannotCheckError,
    Finding,
    Level,
    fault,
    note,
    warning,
)
from rerankq.error_origin import origin
from rerankq.errors import LedgerUnavailable


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check found."""

    check: str
    findings: tuple[Finding, ...]


async def examine(checks: Iterable[Check], set_up: SetUp) -> list[Examined]:
    """Run all checks at the same time; returns what each found, in their order.

    A finding that another check made before is left out.
    """
    found = await asyncio.gather(*(_made(each, set_up) for each in checks))
    seen, told = set[Finding](), []
    for each in found:
        once = dict.fromkeys(each.findings)
        new = tuple(one for one in once if one not in seen or one.code == NOT_CHECKED)
        seen.update(new)
        if new:
            told.append(Examined(each.check, new))
    return told


def worst(examined: Sequence[Examined]) -> Level:
    """The level of the worst finding."""
    levels = (finding.level for each in examined for finding in each.findings)
    return max(levels, key=lambda each: each.rank, default=Level.OK)


async def _made(check: Check, set_up: SetUp) -> Examined:
    try:
        async with asyncio.timeout(check.seconds):
            findings = tuple(await check.look(set_up))
    except CannotCheckError as reason:
        findings = (note(NOT_CHECKED, str(reason)),)
    except LedgerUnavailable as problem:
        findings = (note(NOT_CHECKED, str(problem)),)
    except TimeoutError:
        findings = (
            warning(
                "check_too_slow",
                f"the check did not end within {check.seconds:g} seconds",
                "see whether what it asks hangs, such as DNS, a disk or the network",
            ),
        )
    except Exception as error:  # noqa: BLE001  the boundary around each check
        findings = (
            fault(
                "check_broken",
                f"the check itself failed: {origin(error)}",
                "this is a fault in rerankq: report this line",
            ),
        )
    return Examined(check.name, findings)
