"""Runs several lanes, each in a process of its own: bulk jobs cannot starve interactive ones."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from rerankq.contract import Lane
from rerankq_worker.process.shutdown_deadline import ENDING_SIGNALS

log = logging.getLogger(__name__)

RESTART_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses before a lane that ended unexpectedly is restarted; the last one is repeated."""
STEADY_SECONDS: Final = 60.0
"""After a lane has run this long, the pauses begin again with the first."""
SETUP_EXIT: Final = 2
"""Exit code of a worker whose settings are wrong. A restart does not help then, unless the lane has
worked before: somebody may be about to correct the settings."""


def serve_lanes(lanes: Sequence[Lane], *, first_health_port: int | None) -> int:
    """Run a worker process for each lane until a signal ends them; returns the exit code.

    Args:
        lanes: the lanes, each once.
        first_health_port: the first lane's; the next lane takes the next port.
    """
    return asyncio.run(_Lanes(lanes, first_health_port).run())


def end_with_stdin() -> None:
    """Send this process SIGTERM when stdin is closed, that is, when its parent has ended."""

    def watch() -> None:
        # Not sys.stdin: a thread that waits in it would abort the interpreter at exit.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="rerankq-parent", daemon=True).start()


class _Lanes:
    def __init__(self, lanes: Sequence[Lane], first_health_port: int | None) -> None:
        self._lanes = lanes
        self._first_health_port = first_health_port
        self._stopping = asyncio.Event()
        self._processes: dict[Lane, asyncio.subprocess.Process] = {}

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        codes = await asyncio.gather(*(self._keep(lane) for lane in self._lanes))
        return max(codes)

    def _stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._stopping.set()
        for process in self._processes.values():
            # A second signal is passed on too: it cuts the drain short.
            _send(process, number)

    async def _keep(self, lane: Lane) -> int:
        """Run the lane's process, and restart it, until all are to stop; returns its exit code.

        Only a lane that never worked, with wrong settings, stops the other lanes.
        """
        failures, has_worked = 0, False
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            code = await self._run(lane)
            if self._stopping.is_set():
                # The signal may have ended the process before it could handle it: also a success.
                return 0 if -code in ENDING_SIGNALS else abs(code)
            was_steady = clock() - started > STEADY_SECONDS
            has_worked = has_worked or was_steady
            if code == SETUP_EXIT and not has_worked:
                self._stop()
                return code
            failures = 1 if was_steady else failures + 1
            pause = RESTART_SECONDS[min(failures, len(RESTART_SECONDS)) - 1]
            log.warning("the %s worker ended with %d: it restarts in %g s", lane, code, pause)
            try:
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            except TimeoutError:
                continue
            return 0

    def _health_port(self, lane: Lane) -> dict[str, str]:
        if self._first_health_port is None:
            return {}
        port = self._first_health_port + self._lanes.index(lane)
        return {"RERANKQ_HEALTH_PORT": str(port)}

    def _command(self, lane: Lane) -> tuple[str, ...]:
        # -P: nothing is imported from the current directory.
        python = (sys.executable, "-P", "-m", "rerankq.cli")
        return (*python, "worker", "--lane", lane.value, "--end-with-stdin")

    async def _run(self, lane: Lane) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command(lane),
            # Only this process holds it open: if it is killed, the lanes end too.
            stdin=asyncio.subprocess.PIPE,
            env=os.environ | self._health_port(lane),
            # A Ctrl-C in the terminal must not reach the lanes twice: only this process sends it.
            start_new_session=True,
        )
        self._processes[lane] = process
        if self._stopping.is_set():
            _send(process, signal.SIGTERM)
        code = await process.wait()
        del self._processes[lane]
        return code


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal without taking the exit code.

    `Process.send_signal` first polls whether the process has ended, and takes its exit code if so:
    then `wait` reports 255.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
