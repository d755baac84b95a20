"""What `docs/batches.md` shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rerankq import RerankClient
from running.stand_in_worker import StandInWorker
from running.worker import clean_environment

PAGE = Path(__file__).parents[3] / "docs" / "batches.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("program", "printed"),
    [*zip(BLOCKS, (r"batch-[0-9a-f-]{36}\n", r"0 submitted again as None\n"), strict=True)],
)
def test_each_block_is_a_program(redis_url: str, program: str, printed: str) -> None:
    """It runs as it stands, with the Redis of the environment."""
    with RerankClient(redis_url) as client, client.batch() as batch:
        batch.add(query="q", documents=["d"])
    with StandInWorker(redis_url):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stderr == ""
    assert re.fullmatch(printed, done.stdout)
