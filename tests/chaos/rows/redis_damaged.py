"""Redis dies, and its append-only file is damaged before it starts again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Damage:
    """What happens to the append-only file while Redis is dead.

    Attributes:
        do: damages the file, somewhere behind a place.
        is_refused: whether Redis does not start with it, and its own tool must repair it.
        durability: what the submits and the workers wait for.
    """

    do: Callable[[Path, int], None]
    is_refused: bool = True
    durability: str = "memory"


def _damaged(damage: _Damage) -> Callable[[Arena], Report]:
    def play(arena: Arena) -> Report:
        checker = _checker() if damage.is_refused else ""
        with arena.stage(fsync="always", durability=damage.durability) as stage:
            stage.producer.settings["durability"] = damage.durability
            stage.start()
            stage.called(stage.load.jobs // 3)
            log = _append_only_file(stage.redis.folder)
            whole = log.stat().st_size
            # Everything that was answered before this lies before that place, and stays.
            sound_until = time.time()
            stage.called(stage.load.jobs // 2)
            stage.redis.stop(signal.SIGKILL)
            died = time.time()
            written = log.stat().st_size
            damage.do(log, whole)
            said = stage.redis.fail_to_start() if damage.is_refused else REFUSAL
            lasting(stage.load.seconds, lambda: stage.redis.process is None, "Redis is away")
            eventually(
                lambda: all(map(_says_so, stage.workers)), "the workers say that Redis is away"
            )
            if damage.is_refused:
                _mend(checker, log)
            stage.redis.start()
            cut_off = written - log.stat().st_size
            over = time.time()
            ends_lost = stage.forgive_lost_ends(sound_until)
            aftermath = stage.settle()
        lost = aftermath.verdict.lost_ids
        excused = [each for each in lost if sound_until <= aftermath.accepted[each] <= died]
        report = report_on(aftermath, struck=aftermath.in_flight(died), spared=len(excused))
        report.demand(REFUSAL in said, f"Redis does not start with the broken file: {said[-300:]}")
        report.demand(
            len(lost) == len(excused),
            f"written before the broken place: {set(lost) - set(excused)}",
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

    return play


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


def _break_command(log: Path, place: int) -> None:
    """Overwrite the first byte of the first whole command after a place, as a bad block would."""
    at = _command_after(log, place)
    with log.open("r+b") as file:
        file.seek(at)
        file.write(NO_COMMAND)


def _cut_within_command(log: Path, place: int) -> None:
    """Let the file end within a command after a place, as after a power cut."""
    os.truncate(log, _command_after(log, place) + len("*3\r\n$3\r\nS"))


def _zero_the_end(log: Path, place: int) -> None:
    """Overwrite all from a command after a place with zeros.

    Some file systems do that at a power cut: they keep the length of what was not synced.
    """
    at, size = _command_after(log, place), log.stat().st_size
    with log.open("r+b") as file:
        file.seek(at)
        file.write(NO_COMMAND * (size - at))


def _command_after(log: Path, place: int) -> int:
    """Where the first whole command after a place begins."""
    with log.open("rb") as file:
        file.seek(place)
        return place + file.read().index(b"\r\n*") + len(b"\r\n")


def _mend(checker: str, log: Path) -> None:
    """Cut the file off before the broken place, as Redis' own advice says."""
    subprocess.run(
        [checker, "--fix", str(log)], input=b"y\n", check=True, capture_output=True, timeout=60
    )


DAMAGED = Row(
    name="redis-damaged",
    fault="Redis is killed, and its append-only file damaged; redis-check-aof --fix repairs it",
    demand="what was written before the broken place is kept; D <= F; back within 15 s",
    play=_damaged(_Damage(_break_command)),
    short=Load(jobs=600, seconds=2.0),
    long=Load(rounds=5, jobs=5_000, workers=3, max_in_flight=50, seconds=10.0),
)
TRUNCATED = Row(
    name="aof-truncated",
    fault="Redis is killed, and its append-only file ends within a command; durability disk",
    demand="Redis starts; what was promised before that place is kept; D <= F; back within 15 s",
    play=_damaged(_Damage(_cut_within_command, is_refused=False, durability="disk")),
    short=Load(jobs=400, seconds=0.5),
    long=Load(rounds=5, jobs=5_000, workers=3, max_in_flight=50, seconds=5.0),
)
CORRUPTED = Row(
    name="aof-corrupted",
    fault="Redis is killed, and the end of its append-only file is zeros; durability disk",
    demand="what was promised before that place is kept; D <= F; back within 15 s",
    play=_damaged(_Damage(_zero_the_end, durability="disk")),
    short=Load(jobs=400, seconds=0.5),
    long=Load(rounds=5, jobs=5_000, workers=3, max_in_flight=50, seconds=5.0),
)
