"""Bulk jobs submitted, by the best way that each tool has for many."""

from typing import Final

from bench.load import Load
from bench.measures import ENQUEUE_COLUMNS, enqueue
from bench.scenario import QUEUES, Scenario

ENQUEUE: Final = Scenario(
    name="enqueue",
    about="jobs of 10 documents of 200 characters handed in",
    measure=enqueue,
    short=(Load(400),),
    long=(Load(20_000),),
    columns=ENQUEUE_COLUMNS,
    kinds=QUEUES,
)
