"""Lines over time, drawn as SVG, with what their ends mean."""

from collections.abc import Callable, Mapping, Sequence
from math import floor, log10
from typing import Final

from rerankq_gateway.console.elements import legend
from rerankq_gateway.console.markup import Html, tag
from rerankq_gateway.console.words import duration

Points = Sequence[tuple[float, float]]
"""Times in Unix seconds, the oldest first, and values."""
WIDE: Final = 600
HIGH: Final = 120
SHORTEST: Final = 60.0
"""Seconds that a chart spans at least: the first points stand at its right."""
_DASH: Final = 5
GAP: Final = 40.0
"""Seconds without a point in which nobody looked: the line is interrupted."""


def chart(
    title: str, said: str, lines: Mapping[str, Points], *, now: float, scale: Callable[[float], str]
) -> Html:
    """Lines over time.

    Args:
        title: what is drawn.
        said: the newest values, also for readers of screens.
        lines: by their names.
        now: the time at the right, in Unix seconds.
        scale: writes a value.
    """
    first = min((points[0][0] for points in lines.values() if points), default=now)
    span = max(SHORTEST, now - first)
    top = _round(max((value for each in lines.values() for _, value in each), default=0.0))
    drawn = [
        tag("polyline", points=_placed(part, now, span, top), class_=f"line line-{number}")
        for number, each in enumerate(lines.values())
        for part in _parts(each)
    ]
    grid = [tag("line", x1=0, x2=WIDE, y1=y, y2=y, class_="grid") for y in (1, HIGH / 2, HIGH - 1)]
    picture = tag(
        "svg",
        *grid,
        *drawn,
        viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{title}: {said}",
    )
    # Whole minutes: the words would change at each look.
    since = f"{duration(60 * round(span / 60))} ago"
    ends = tag("p", tag("span", since), tag("span", "now"), class_="ends")
    head = tag("figcaption", tag("b", title), " ", tag("span", said, class_="quiet"))
    high = tag("span", scale(top), class_="top quiet", aria_hidden="true")
    keys = legend({name: f"key-{at}" for at, name in enumerate(lines)}) if len(lines) > 1 else None
    return tag("figure", head, tag("div", high, picture, class_="plot"), ends, keys, class_="chart")


def _round(most: float) -> float:
    """The next of 1, 2, 5, 10, 20 and so on; 1 for nothing."""
    if most <= 0:
        return 1.0
    power = 10.0 ** floor(log10(most))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= most)


def _parts(points: Points) -> list[Points]:
    """The line where it is whole, in one piece or several."""
    cuts = [at for at in range(1, len(points)) if points[at][0] - points[at - 1][0] > GAP]
    return [points[a:b] for a, b in zip([0, *cuts], [*cuts, len(points)], strict=True) if a < b]


def _placed(points: Points, now: float, span: float, top: float) -> str:
    placed = [
        (WIDE * (1 - (now - at) / span), HIGH - 4 - value / top * (HIGH - 8))
        for at, value in points
    ]
    if len(placed) == 1:
        # A line of one point would not be seen.
        placed.insert(0, (placed[0][0] - _DASH, placed[0][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
