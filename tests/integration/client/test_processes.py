"""Tests that need a process of their own: forks, and which modules an import loads."""

import subprocess
import sys

import pytest

from running.stand_in_worker import StandInWorker
from running.worker import clean_environment

FORK = """
import gc, os, sys
from rerankq import RerankClient

client = RerankClient(sys.argv[1])
draft = {"query": "q", "documents": ["d"]}
inherited = client.submit(**draft)
inherited.result(timeout=20)
child = os.fork()
if not child:
    code = 1
    try:
        assert inherited.result(timeout=20).job_id == inherited.id
        assert client.submit(**draft).result(timeout=20).attempts == 1
        gc.collect()
        code = 0
    finally:
        {leave}
_, status = os.waitpid(child, 0)
assert status == 0, status
import time
began = time.monotonic()
assert client.submit(**draft).result(timeout=20).attempts == 1
# Longer, and a command of the parent's was lost and repeated.
assert time.monotonic() - began < 4, time.monotonic() - began
client.close()
print("well")
"""

PURE = """
import sys
import rerankq
assert rerankq.RerankClient and rerankq.AsyncRerankClient and rerankq.errors
heavy = {"httpx", "httpx_aiohttp", "aiohttp", "flower", "rerankq_worker"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def python(code: str, *arguments: str) -> str:
    """What the code prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("leave", ["os._exit(code)", "sys.exit(code)"])
def test_client_survives_a_fork(redis_url: str, leave: str) -> None:
    """A forked child can use the inherited client; the parent's client is not disturbed."""
    with StandInWorker(redis_url):
        assert python(FORK.replace("{leave}", leave), redis_url) == "well"


def test_import_is_light() -> None:
    """Importing rerankq loads no HTTP library, no Flower and no worker."""
    assert python(PURE) == "[]"


def test_bare_import_is_lighter_still() -> None:
    """The contract and the errors need neither Celery nor redis."""
    code = (
        "import sys, rerankq, rerankq.contract, rerankq.errors;"
        "print(sorted({'celery', 'kombu', 'redis'} & sys.modules.keys()))"
    )
    assert python(code) == "[]"
