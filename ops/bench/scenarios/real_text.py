"""Real text, from a file of yours: see `--text`."""

from typing import Final

from bench.load import Load
from bench.measures import DRAIN_COLUMNS, ENQUEUE_COLUMNS, enqueue_and_drain
from bench.scenario import Scenario

REAL_TEXT: Final = Scenario(
    name="real-text",
    about="jobs of the file given by --text, 200 calls in flight, upstream 100 ms",
    measure=enqueue_and_drain,
    short=(Load(200, shape=""),),
    long=(Load(5_000, shape=""),),
    columns=(*ENQUEUE_COLUMNS, *DRAIN_COLUMNS),
)
