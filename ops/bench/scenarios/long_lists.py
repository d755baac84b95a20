"""Long lists: what a document costs, when a job has a thousand of them."""

from typing import Final

from bench.load import Load
from bench.measures import DRAIN_COLUMNS, ENQUEUE_COLUMNS, enqueue_and_drain
from bench.scenario import Scenario

LONG_LISTS: Final = Scenario(
    name="long-lists",
    about="jobs of 1,000 documents of 200 characters, 20 calls in flight, upstream 100 ms",
    measure=enqueue_and_drain,
    short=(Load(40, in_flight=20, shape="1000x200"),),
    long=(Load(1_000, in_flight=20, shape="1000x200"),),
    columns=(*ENQUEUE_COLUMNS, *DRAIN_COLUMNS),
)
