from prometheus_client import CollectorRegistry, Counter

from rerankq.monitoring.metrics.children import OTHER, Children, Names


def test_names_from_outside_make_only_so_many_series() -> None:
    """Once there are so many children, later ones are counted together; a fixed label stays."""
    registry = CollectorRegistry()
    counter = Counter("asked_total", "asked", ("lane", "reason"), registry=registry)
    children = Children(counter, 2, most=2, fixed=1)
    for reason in ("a", "b", "c", "d", "a"):
        children["bulk", reason].inc()
    counts = {
        sample.labels["reason"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "asked_total"
    }
    assert counts == {"a": 2, "b": 1, OTHER: 2}


def test_only_so_many_names_are_told_apart() -> None:
    """A name that came early keeps its name; later ones share one."""
    named = Names(2)
    assert [named(each) for each in ("x", "y", "z", "x")] == ["x", "y", OTHER, "x"]
