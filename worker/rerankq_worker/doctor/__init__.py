"""What the worker package adds to `rerankq doctor`: its settings, keys, sites and their scores.

set_up    the settings and sites as `rerankq worker` reads them
settings  wrong or contradictory settings of a worker
keys      whether there are keys, and which
sites     whether each site can be reached from here
scores    whether the scores of each model make sense
"""

from collections.abc import Iterator

from rerankq.doctor.check import Check, SetUp
from rerankq_worker.doctor import keys, scores, settings, sites


def checks(set_up: SetUp) -> Iterator[Check]:
    """The checks of a worker: of each site by itself, so that one that hangs hides no other."""
    yield Check("worker settings", settings.look)
    yield Check("keys", keys.look)
    yield from sites.checks(set_up)
    yield from scores.checks(set_up)
