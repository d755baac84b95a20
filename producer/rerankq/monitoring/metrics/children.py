"""The children of a metric by their labels: each made once, and so many at most."""

from typing import Any, Final, Generic, Protocol, TypeVar

MOST: Final = 200
OTHER: Final = "other"


C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


class Labelled(Protocol[C_co]):
    """A metric with labels."""

    def labels(self, *values: Any) -> C_co:
        """The child with these values."""


class Children(dict[tuple[str, ...] | str, C], Generic[C]):
    """A metric's children, by the values of their labels; of a single label by its value alone.

    >>> retried["bulk", "upstream_error"].inc()

    The library looks a child up under a lock, at several times the cost. Names come from outside,
    such as models: once there are so many children, all later ones are counted as `other`.

    Args:
        metric: with at least one label.
        labels: how many labels it has.
        most: how many children it may have.
        fixed: how many of the first labels are never replaced by `other`.
    """

    def __init__(
        self, metric: Labelled[C], labels: int, *, most: int = MOST, fixed: int = 0
    ) -> None:
        super().__init__()
        self._metric = metric
        self._labels = labels
        self._most = most
        self._fixed = fixed

    def __missing__(self, values: tuple[str, ...] | str) -> C:
        """Make a child."""
        named = (values,) if isinstance(values, str) else values
        if len(self) >= self._most:
            rest = (OTHER,) * (self._labels - self._fixed)
            return self._metric.labels(*named[: self._fixed], *rest)
        child = self[values] = self._metric.labels(*named)
        return child


class Names:
    """Names from outside, so many at most; all others are called `other`.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        """The name as a label's value."""
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(name)
        return name
