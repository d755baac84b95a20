"""The rights that doctor asks for are those that the page on Redis writes down."""

import re
from pathlib import Path

from rerankq.doctor.redis.rights import ARGUMENTS, FLOWER, PRODUCER, WAITS, WORKER

PAGE = Path(__file__).parents[3] / "docs" / "redis.md"
USER = re.compile(r"^```text\nuser (\w+) on (.*?)^```", re.MULTILINE | re.DOTALL)


def test_each_part_needs_what_its_user_on_the_page_has() -> None:
    """Who changes one list changes the other; a real Redis then tells whether it is enough."""
    users = dict(USER.findall(PAGE.read_text("utf-8")))
    of_the_page = {name: set(re.findall(r"\+([a-z|]+)", rules)) for name, rules in users.items()}
    asked = {"producer": PRODUCER, "worker": WORKER, "flower": FLOWER}
    assert of_the_page == {name: role.commands for name, role in asked.items()}


def test_each_command_can_be_asked_about() -> None:
    """For each there are arguments, as Redis counts them before it checks the rights."""
    needed = PRODUCER.commands.union(WORKER.commands, FLOWER.commands, *WAITS.values())
    assert needed == ARGUMENTS.keys()
