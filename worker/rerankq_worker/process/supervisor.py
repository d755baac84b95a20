"""Several lanes from one command: each a process of its own, so bulk cannot starve interactive."""

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
"""Pauses before a lane that ended unasked is started again; the last is repeated."""
STEADY_SECONDS: Final = 60.0
"""A lane that lived this long starts the pauses anew."""
SETUP_EXIT: Final = 2
"""Exit code of a worker whose settings are wrong: starting it again would not help, unless they
were right before, and somebody is about to mend them."""


def serve_lanes(lanes: Sequence[Lane], *, first_health_port: int | None) -> int:
    """Run a worker process for each lane until a signal ends them; returns the exit code.

    Args:
        lanes: the lanes, each once.
        first_health_port: the first lane's; the next lane takes the next port.
    """
    return asyncio.run(_Lanes(lanes, first_health_port).run())


def end_with_stdin() -> None:
    """End this process as SIGTERM would, once whoever holds the other end of stdin is gone."""

    def watch() -> None:
        # Not sys.stdin: a thread that waits in its buffer aborts the interpreter at its end.
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
            # Also a second time: that is how a user says "now".
            _send(process, number)

    async def _keep(self, lane: Lane) -> int:
        """Run the lane's process, again and again, until all are to stop; returns its exit code.

        A lane that has worked before takes no other one along, however it ends.
        """
        failures, has_worked = 0, False
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            code = await self._run(lane)
            if self._stopping.is_set():
                # By the very signal, before it could be handled: that is what was asked for.
                return 0 if -code in ENDING_SIGNALS else abs(code)
            was_steady = clock() - started > STEADY_SECONDS
            has_worked = has_worked or was_steady
            if code == SETUP_EXIT and not has_worked:
                self._stop()
                return code
            failures = 1 if was_steady else failures + 1
            pause = RESTART_SECONDS[min(failures, len(RESTART_SECONDS)) - 1]
            log.warning("the %s worker ended with %d: again in %g s", lane, code, pause)
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
        # -P: nothing is imported from the folder that the command was called in.
        python = (sys.executable, "-P", "-m", "rerankq.cli")
        return (*python, "worker", "--lane", lane.value, "--end-with-stdin")

    async def _run(self, lane: Lane) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command(lane),
            # Held open by this process alone: should it be killed, the lanes end too.
            stdin=asyncio.subprocess.PIPE,
            env=os.environ | self._health_port(lane),
            # A Ctrl-C in the terminal must not arrive twice: signals come from here alone.
            start_new_session=True,
        )
        self._processes[lane] = process
        if self._stopping.is_set():
            _send(process, signal.SIGTERM)
        code = await process.wait()
        del self._processes[lane]
        return code


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal, and leave the exit code to whoever waits for it.

    The library's own way looks first whether the process has ended, takes the exit code of one that
    has, and so hides it from `wait`, which then reports 255.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
