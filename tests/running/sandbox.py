"""The sandbox in a thread of its own, for tests that call it over HTTP."""

import asyncio
import threading
from typing import Any, Self

import requests

from rerankq_sandbox import SandboxConfig, serve

TIMEOUT_S = 30.0
BODY: dict[str, Any] = {
    "model": "qwen3-reranker-8b",
    "query": "如何预防感冒",
    "documents": ["今天股市大涨", "预防感冒应勤洗手、戴口罩"],
}


class RunningSandbox:
    """Serves between `with` and its end.

    Args:
        settings: Fields of `SandboxConfig`; port 0 and the bigram scorer where not given.
    """

    def __init__(self, **settings: Any) -> None:
        self.config = SandboxConfig.model_validate({"port": 0, "scorer": "bigram"} | settings)
        self.port = 0
        self.error: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None

    @property
    def base(self) -> str:
        """The server's address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where to rerank."""
        return f"{self.base}/v1/rerank"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(TIMEOUT_S)
        if self.error is not None:
            self._thread.join(TIMEOUT_S)
            raise self.error
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        self._task = self._loop.create_task(serve(self.config, self._announce))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - handed to the thread of the test
            self.error = error
        finally:
            self._loop.close()
            self._ready.set()

    def _announce(self, port: int) -> None:
        self.port = port
        self._ready.set()

    def rerank(self, headers: dict[str, str] | None = None, **changes: Any) -> requests.Response:
        """One call with the usual body and these changes."""
        return requests.post(self.url, json=BODY | changes, headers=headers, timeout=TIMEOUT_S)

    def ask(self, path: str, **body: Any) -> requests.Response:
        """One call in another dialect, at its own path."""
        return requests.post(self.base + path, json=body, timeout=TIMEOUT_S)

    def admin(self, method: str, what: str, body: object = None) -> requests.Response:
        """Call `/_sandbox/`."""
        return requests.request(
            method, f"{self.base}/_sandbox/{what}", json=body, timeout=TIMEOUT_S
        )

    def set_faults(self, *rules: dict[str, Any]) -> requests.Response:
        """Append fault rules."""
        return self.admin("POST", "faults", rules)

    def fault(self, **action: Any) -> None:
        """Let the next call meet one fault."""
        self.set_faults({"times": 1, "action": action}).raise_for_status()

    def limit(self, account: str = "default", **limits: Any) -> None:
        """Set the limits of an account, and remove those of all others."""
        self.admin("PUT", "limits", {account: limits}).raise_for_status()

    def play(self, *phases: dict[str, Any], **scenario: Any) -> None:
        """Start a scenario."""
        self.admin("POST", "scenario", scenario | {"phases": phases}).raise_for_status()

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls so far, numbered above `since`."""
        entries: list[dict[str, Any]] = self.admin("GET", f"log?since={since}").json()["entries"]
        return entries

    def stats(self) -> dict[str, Any]:
        """The counts so far."""
        counts: dict[str, Any] = self.admin("GET", "stats").json()
        return counts
