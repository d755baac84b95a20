"""Users of Redis with the rights that docs/redis.md gives to each part of rerankq."""

import re
from pathlib import Path
from typing import Final

from running.redis_server import RedisServer

PAGE: Final = Path(__file__).parents[2] / "docs" / "redis.md"
PASSWORD: Final = "pw"  # noqa: S105  made up here


def user(server: RedisServer, role: str, namespace: str = "") -> str:
    """Make the user of a role as the page says; returns the address by which it connects.

    With a namespace, one pattern of keys replaces all others, and channels begin with it.
    """
    block = re.search(
        rf"^```text\nuser {role} (.+?)\n```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert block, f"docs/redis.md has no rights for {role}"
    rules = block[1].replace(">password", f">{PASSWORD}").split()
    if namespace:
        rules = [f"&{namespace}:{each[1:]}" if each[0] == "&" else each for each in rules]
        rules = [f"~{namespace}:*", *(each for each in rules if each[0] != "~")]
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", role, *rules)
    return server.url.replace("redis://", f"redis://{role}:{PASSWORD}@")
