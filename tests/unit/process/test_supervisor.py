"""What happens to the other lane if one lane ends by itself."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

import pytest

from rerankq.contract import Lane
from rerankq_worker.process import supervisor as serving
from rerankq_worker.process.supervisor import SETUP_EXIT, _Lanes

CRASHED = 1
UNFORESEEN = 70


class Script(_Lanes):
    """Lanes whose processes end with the codes of a list; the last process keeps running."""

    def __init__(self, codes: Mapping[Lane, Sequence[int]]) -> None:
        super().__init__(list(codes), None)
        self._left = {lane: list(each) for lane, each in codes.items()}
        self.starts: list[Lane] = []

    async def _run(self, lane: Lane) -> int:
        self.starts.append(lane)
        await asyncio.sleep(0.001)
        if self._left[lane]:
            return self._left[lane].pop(0)
        if lane is Lane.BULK:
            self._stop(signal.SIGTERM)
        await self._stopping.wait()
        return 0


def played(monkeypatch: pytest.MonkeyPatch, steady: float, *codes: int) -> tuple[int, int]:
    """The exit code of the command, and how often the bulk lane was started."""
    monkeypatch.setattr(serving, "RESTART_SECONDS", (0.0,))
    monkeypatch.setattr(serving, "STEADY_SECONDS", steady)
    lanes = Script({Lane.BULK: codes, Lane.INTERACTIVE: ()})
    code = asyncio.run(asyncio.wait_for(lanes.run(), 20))
    return code, lanes.starts.count(Lane.BULK)


def test_wrong_settings_end_all_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane with wrong settings at the start ends the other lane too, with its exit code."""
    assert played(monkeypatch, 1000.0, SETUP_EXIT) == (SETUP_EXIT, 1)


@pytest.mark.parametrize("code", [CRASHED, UNFORESEEN, -signal.SIGKILL])
def test_a_lane_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A lane that dies is restarted, and the other lane keeps running."""
    assert played(monkeypatch, 1000.0, code, code) == (0, 3)


def test_a_lane_that_has_worked_does_not_end_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """If settings are wrong only when a lane restarts, the other lane keeps running."""
    assert played(monkeypatch, 0.0, CRASHED, SETUP_EXIT) == (0, 3)


class Failing(_Lanes):
    """A lane whose process ends at once."""

    def __init__(self) -> None:
        super().__init__([Lane.BULK], None)

    def _command(self, lane: Lane) -> tuple[str, ...]:
        return sys.executable, "-c", f"raise SystemExit({SETUP_EXIT}) # {lane}"

    async def signalled_when_it_had_ended(self) -> int:
        """The exit code, if a signal is sent between the end of the process and its detection."""
        running = asyncio.create_task(self._run(Lane.BULK))
        while not self._processes:  # noqa: ASYNC110  nothing tells of a process that was started
            await asyncio.sleep(0)
        pid = self._processes[Lane.BULK].pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  the loop must not see it
        self._stop()
        return await running


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="on Linux an exit code can be held back")
def test_a_signal_leaves_the_exit_code_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane's exit code is that of its process, even if a signal was sent after its end."""
    if sys.version_info < (3, 12):
        # This watcher reads exit codes on the event loop, as later versions of Python do.
        policy = asyncio.get_event_loop_policy()
        monkeypatch.setattr(policy, "_watcher", asyncio.PidfdChildWatcher())
    assert asyncio.run(Failing().signalled_when_it_had_ended()) == SETUP_EXIT
