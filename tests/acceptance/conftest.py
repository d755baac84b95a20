"""Real input, from a folder `shared` beside the checkout if there is one."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture
def dureader() -> Path:
    """199 real Chinese questions with 4,644 candidate paragraphs."""
    return _shared("data/dureader-demo.jsonl")


@pytest.fixture
def owners_page() -> str:
    """The vendor's page on the endpoint, with its Python sample."""
    return _shared("seeds/000_78b285d95b44a197.txt").read_text()


def _shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} in a folder `shared` beside the checkout")
    return path
