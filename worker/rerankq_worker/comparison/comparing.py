"""Asks both sides each question, some questions at once."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice

from rerankq_worker.comparison.calling import Caller
from rerankq_worker.comparison.figures import Compared, compared
from rerankq_worker.comparison.questions import Question
from rerankq_worker.comparison.target import Target


async def compare(
    questions: Iterable[Question], sides: tuple[Target, Target], caller: Caller, *, at_once: int
) -> AsyncIterator[Compared]:
    """Ask, and measure; the results come as they are there.

    Args:
        questions: read one by one, as they are asked.
        sides: who is asked.
        caller: makes the calls.
        at_once: how many questions are asked at once, each of both sides at the same time: then
            both are measured under the same conditions.
    """
    coming = iter(questions)
    asking: set[asyncio.Task[Compared]] = set()
    try:
        while True:
            for question in islice(coming, at_once - len(asking)):
                asking.add(asyncio.create_task(_asked(question, sides, caller)))
            if not asking:
                return
            ended, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                yield task.result()
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _asked(question: Question, sides: tuple[Target, Target], caller: Caller) -> Compared:
    one, other = await asyncio.gather(*(caller.ask(each, question.request) for each in sides))
    return compared(question, one, other)
