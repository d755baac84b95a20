"""The gateway of a round: it is killed and replaced while callers use it."""

import signal
import threading
import time
from contextlib import suppress
from typing import Any, Final, Self

import requests

from chaos.stage import Stage
from running.gateway import GatewayProcess
from running.waiting import POLL_SECONDS, eventually

CALL_SECONDS: Final = 120.0
"""So long a caller repeats one call."""
OK: Final = 300
"""Statuses below this one are answers; what a caller may repeat is in `BUSY`."""
BUSY: Final = frozenset({409, 429, 503})


class Gateways:
    """One gateway at a time, between `with` and its end.

    Args:
        stage: has the ledger, and the folder for logs and files.
        settings: environment variables.

    Attributes:
        kills: how many gateways were killed.
        broken_calls: how many calls of callers broke off with them.
    """

    def __init__(self, stage: Stage, **settings: object) -> None:
        self._stage = stage
        self._settings = {name: str(value) for name, value in settings.items()}
        self._serving: GatewayProcess | None = None
        self._lock = threading.Lock()
        self.kills = 0
        self.broken_calls = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._serving:
            self._serving.__exit__()

    def kill(self) -> None:
        """End the gateway by SIGKILL."""
        serving, self._serving = self._serving, None
        assert serving
        serving.stop(signal.SIGKILL)
        self.kills += 1

    def replace(self) -> None:
        """Start another one, on another port, as a supervisor would."""
        self._start()

    def once(self, method: str, path: str, **request: Any) -> requests.Response | None:
        """Make a call once; None if it broke off."""
        serving = self._serving
        if serving is None:
            return None
        try:
            return requests.request(method, f"{serving.url}{path}", timeout=CALL_SECONDS, **request)
        except requests.RequestException:
            with self._lock:
                self.broken_calls += 1
            return None

    def call(self, method: str, path: str, **request: Any) -> requests.Response:
        """Make a call, and repeat it until it is answered, as a careful caller does."""
        until = time.monotonic() + CALL_SECONDS
        while time.monotonic() < until:
            answer = self.once(method, path, **request)
            if answer is None:
                with suppress(AssertionError):
                    eventually(lambda: self._serving, "another gateway serves", seconds=1.0)
            elif answer.status_code < OK:
                return answer
            else:
                assert answer.status_code in BUSY, answer.text
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"not answered within {CALL_SECONDS:g} s: {method} {path}")

    def _start(self) -> None:
        self._serving = GatewayProcess(
            self._stage.folder,
            self._stage.redis.url,
            RERANKQ_GATEWAY_FILES_DIR=str(self._stage.folder / "files"),
            **self._settings,
        ).__enter__()
