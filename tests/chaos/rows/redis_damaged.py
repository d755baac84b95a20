"""Redis dies, and does not start until a broken place in its append-only file is repaired."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

from chaos.load import Load
from chaos.row import Arena, Report, Row, Unavailable, report_on
from running.redis_server import server_binary
from running.waiting import eventually, lasting
from running.worker import RunningWorker

BACK_SECONDS = 15.0
REFUSAL = "Bad file format reading the append only file"
WORKERS_WORDS = "cannot be reached"
NO_COMMAND = b"\x00"


def _damaged(arena: Arena) -> Report:
    checker = _checker()
    with arena.stage(fsync="always") as stage:
        stage.start()
        stage.called(stage.load.jobs // 3)
        log = _append_only_file(stage.redis.folder)
        whole = log.stat().st_size
        # Everything that was answered before this lies before that place, and stays.
        sound_until = time.time()
        stage.called(stage.load.jobs // 2)
        stage.redis.stop(signal.SIGKILL)
        died = time.time()
        _break_command_after(log, whole)
        said = stage.redis.fail_to_start()
        lasting(stage.load.seconds, lambda: stage.redis.process is None, "Redis is away")
        eventually(lambda: all(map(_says_so, stage.workers)), "the workers say that Redis is away")
        damaged = log.stat().st_size
        _mend(checker, log)
        cut_off = damaged - log.stat().st_size
        stage.redis.start()
        over = time.time()
        ends_lost = stage.forgive_lost_ends(sound_until)
        aftermath = stage.settle()
    lost = aftermath.verdict.lost_ids
    excused = [each for each in lost if sound_until <= aftermath.accepted[each] <= died]
    report = report_on(aftermath, struck=aftermath.in_flight(died), spared=len(excused))
    report.demand(REFUSAL in said, f"Redis does not start with the broken file: {said[-300:]}")
    report.demand(
        len(lost) == len(excused), f"written before the broken place: {set(lost) - set(excused)}"
    )
    back = aftermath.first_answer(over)
    report.demand(back <= BACK_SECONDS, f"back within {BACK_SECONDS:g} s: {back:.1f} s")
    report.figures |= {
        "bytes cut off": cut_off,
        "jobs lost with them": len(excused),
        "ends lost with them": ends_lost,
        "back after s": back,
    }
    return report


def _says_so(worker: RunningWorker) -> bool:
    return WORKERS_WORDS in worker.log()


def _checker() -> str:
    """The program that comes with the server and repairs its append-only file."""
    name = Path(server_binary()).name.replace("-server", "-check-aof")
    found = shutil.which(name)
    if not found:
        raise Unavailable(f"{name} is not on PATH: nothing else repairs an append-only file")
    return found


def _append_only_file(folder: Path) -> Path:
    """The append-only file to which commands are written."""
    (found,) = (folder / "appendonlydir").glob("*.incr.aof")
    return found


def _break_command_after(log: Path, place: int) -> None:
    """Overwrite the first byte of the first whole command after a place, as a bad block would."""
    with log.open("r+b") as file:
        file.seek(place)
        behind = file.read()
        at = behind.index(b"\r\n*") + len(b"\r\n")
        file.seek(place + at)
        file.write(NO_COMMAND)


def _mend(checker: str, log: Path) -> None:
    """Cut the file off before the broken place, as Redis' own advice says."""
    subprocess.run(
        [checker, "--fix", str(log)], input=b"y\n", check=True, capture_output=True, timeout=60
    )


DAMAGED = Row(
    name="redis-damaged",
    fault="Redis is killed, and its append-only file damaged; redis-check-aof --fix repairs it",
    demand="what was written before the broken place is kept; D <= F; back within 15 s",
    play=_damaged,
    short=Load(jobs=600, seconds=2.0),
    long=Load(rounds=5, jobs=5_000, workers=3, max_in_flight=50, seconds=10.0),
)
