"""Workers whose clocks are an hour off."""

from pathlib import Path

from chaos.load import Load
from chaos.row import Arena, Report, Row, Unavailable, report_on

LIBRARIES = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")


def _wrong_clocks(arena: Arena) -> Report:
    library = _libfaketime()
    with arena.stage() as stage:
        stage.start_workers([_environment(library, "+1h"), _environment(library, "-1h"), {}])
        stage.producer.start()
        report = report_on(stage.settle())
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


def _environment(library: Path, shift: str) -> dict[str, str]:
    # Only the wall clock: no machine has a wrong monotonic clock.
    return {"LD_PRELOAD": str(library), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _libfaketime() -> Path:
    for folder in LIBRARIES:
        for found in sorted(Path(folder).glob("**/faketime/libfaketimeMT.so.1")):
            return found
    raise Unavailable("libfaketime is not installed (Debian: apt install faketime)")


CLOCK = Row(
    name="clock",
    fault="one worker's clock is an hour ahead, another's an hour behind",
    demand="D = 0",
    play=_wrong_clocks,
    short=Load(jobs=300, workers=3),
    # The clocks are wrong all the time, so few rounds are enough.
    long=Load(rounds=3, jobs=5_000, workers=3, max_in_flight=50),
)
