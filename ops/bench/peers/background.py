"""An event loop in a thread of its own, for workers that cannot await."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it on the loop, and wait for it."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
