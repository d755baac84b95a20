"""Writes the dashboards' JSON beside this file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.gateway import gateway
from grafana.overview import overview
from grafana.redis import redis
from grafana.upstream import upstream
from grafana.workers import workers

FOLDER: Final = Path(__file__).parent / "dashboards"


def dashboards() -> list[Dashboard]:
    """All of them."""
    return [overview(), upstream(), workers(), gateway(), redis()]


def files() -> Iterator[tuple[str, str]]:
    """The name and the content of each file."""
    for each in dashboards():
        content = JSONEncoder(sort_keys=True, indent=2).encode(each)
        yield f"{each.uid}.json", f"{content}\n"


if __name__ == "__main__":
    for name, content in files():
        (FOLDER / name).write_text(content, "utf-8")
