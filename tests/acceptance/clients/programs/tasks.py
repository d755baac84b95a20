"""What programs have in common: they get tasks as JSON, and print a line of JSON for each."""

import json
import sys
from collections.abc import Callable
from typing import Any

Task = dict[str, Any]
Ranked = list[tuple[int, float]]
"""Places and scores, as the client gives them."""


def each_task(ranked: Callable[[Task], Ranked]) -> None:
    """Do all tasks; what the client raises is printed as Python would print it."""
    for task in json.loads(sys.argv[1]):
        said: dict[str, Any]
        try:
            said = {"ranked": ranked(task)}
        except Exception as error:  # noqa: BLE001  whatever the client raises is the answer
            said = {"raised": f"{type(error).__name__}: {error}"}
        print(json.dumps(said))
