"""The rights that doctor asks for are those that the page on Redis writes down."""

import re
from pathlib import Path

from rerankq.doctor.redis.rights import ARGUMENTS, FLOWER, PRODUCER, WAITS, WORKER

PAGE = Path(__file__).parents[3] / "docs" / "redis.md"
ROOMS = Path(__file__).parents[3] / "producer" / "rerankq"
WORKER_ROOMS = Path(__file__).parents[3] / "worker" / "rerankq_worker"
CALLED = re.compile(r"redis\.p?call\(\s*'(\w+)'")
SENT = re.compile(r"\.(?:command|commands|readings|run_ahead_of|run_behind)\((.*?\))", re.DOTALL)
NAMED = re.compile(r'"([A-Z]{2,})"')
OPTIONS = {"px", "nx", "withscores", "limit"}
WITHOUT = {"info"}
"""A producer has no right to this, and works: only metrics of a gateway lack it."""
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


def test_each_command_of_a_script_is_among_the_rights() -> None:
    """Producers and workers may send what a script sends for them: Redis checks that too."""
    found = {
        command.lower()
        for script in ROOMS.rglob("*.lua")
        for command in CALLED.findall(script.read_text("utf-8"))
    }
    assert found
    assert found - PRODUCER.commands == set()
    assert found - WORKER.commands == set()


def test_each_command_of_the_ledger_is_among_the_rights() -> None:
    """So may it send what a store is told to send, by its name."""
    found = {
        command.lower()
        for module in (*ROOMS.rglob("*.py"), *WORKER_ROOMS.rglob("*.py"))
        # What doctor and the warnings of durability ask for, works without the right.
        if "doctor" not in module.parts and module.name != "durability.py"
        for call in SENT.findall(module.read_text("utf-8"))
        for command in NAMED.findall(call)
    }
    assert found > OPTIONS
    assert found - OPTIONS - PRODUCER.commands == WITHOUT
