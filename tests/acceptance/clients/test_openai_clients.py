"""OpenAI's clients, as their users make batches: only address and key are changed."""

from typing import Final

import pytest

from running.foreign_clients import Deployment, play

LINES: Final = 30
MANY: Final = 3000
"""So many lines that the batch is cancelled before they are done."""
SECONDS: Final = 60


@pytest.mark.parametrize(
    ("environment", "program"), [("openai", "openai_batches.py"), ("npm", "openai_batches.mjs")]
)
def test_files_and_batches_from_start_to_end(
    deployment: Deployment, environment: str, program: str
) -> None:
    """A file becomes a batch and results; lists are paged; a cancel and a deletion are seen."""
    # A tenant of its own, so that it lists nothing of the others.
    task = deployment.task(f"tenant-of-{environment}")
    (found,) = play(
        program,
        environment,
        task,
        lines=LINES,
        many=MANY,
        endpoint="/v1/rerank",
        seconds=SECONDS,
    )
    assert found.pop("tokens") > 0
    assert found == {
        "status": "completed",
        "counts": {"total": LINES, "completed": LINES, "failed": 0},
        "metadata": {"corpus": "news"},
        "custom_ids": [f"c{each}" for each in range(LINES)],
        "ranked": task.ranked(),
        "cancelled": "cancelled",
        "newest_first": True,
        "files": 2,
        "deleted": "file_not_found",
    }
