from bench.load import Load
from bench.report import report
from bench.roster import ENTRIES, Entry, Kind
from bench.scenario import Row


def test_ratios_are_to_the_best_of_each_kind() -> None:
    """A ratio is rerankq's figure divided by that of the best entry of a kind, in the same run."""
    load = Load(1, "a load")
    costs = {Kind.OURS: [100.0], Kind.BARE: [80.0], Kind.PEER: [400.0, 250.0], Kind.BATCHED: [50.0]}
    rows = [
        Row("drain", load, _entry(kind, at), {"worker_us": cost})
        for kind, some in costs.items()
        for at, cost in enumerate(some)
    ]
    (line,) = [each for each in report(rows).splitlines() if each.startswith("| drain, a load")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2:4] == ["100", "1.25"]
    assert cells[4:] == ["0.40", _entry(Kind.PEER, 1).name, "2.00", _entry(Kind.BATCHED, 0).name]


def _entry(kind: Kind, at: int) -> Entry:
    return [each for each in ENTRIES if each.kind is kind][at]
