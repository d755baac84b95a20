"""All scenarios, in the order in which they are run."""

from typing import Final

from bench.scenarios.backlog import BACKLOG
from bench.scenarios.drain import DRAIN
from bench.scenarios.enqueue import ENQUEUE
from bench.scenarios.idle import IDLE
from bench.scenarios.long_lists import LONG_LISTS
from bench.scenarios.million import MILLION
from bench.scenarios.mixed import MIXED
from bench.scenarios.real_text import REAL_TEXT
from bench.scenarios.results import RESULTS
from bench.scenarios.scaling import SCALING
from bench.scenarios.slow import SLOW
from bench.scenarios.upload import UPLOAD

SCENARIOS: Final = (
    *(DRAIN, ENQUEUE, IDLE, MIXED, LONG_LISTS),
    *(REAL_TEXT, SLOW, SCALING, BACKLOG),
    *(UPLOAD, RESULTS, MILLION),
)
