"""The checks of the other packages: each hands them in by an entry point."""

import importlib.metadata
from collections.abc import Iterator
from functools import partial
from typing import Final

from rerankq.doctor.check import Check, Checks, SetUp
from rerankq.doctor.finding import CannotCheckError, Finding
from rerankq.errors import RerankqError
from rerankq.extras import install

ENTRY_POINTS: Final = "rerankq.checks"
_OWN_PACKAGES: Final = frozenset({"rerankq", "rerankq_worker", "rerankq_gateway"})


def checks_of_extras(set_up: SetUp) -> Iterator[Check]:
    """All checks of the other packages; for a package that cannot be loaded, one that says so."""
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    # The worker first: what it lacks matters most.
    for point in sorted(points, key=lambda each: (each.name != "worker", each.name)):
        try:
            checks: Checks = point.load()
            yield from checks(set_up)
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] in _OWN_PACKAGES:
                raise  # a part of this distribution is not an extra
            why = f"the {point.name} is not installed here: {install(point.name)} adds its checks"
            yield Check(point.name, partial(_not_made, why))
        except RerankqError as error:
            yield Check(point.name, partial(_not_made, str(error)))


async def _not_made(why: str, _: SetUp) -> list[Finding]:
    raise CannotCheckError(why)
