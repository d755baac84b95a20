"""A flame graph as a still picture: SVG without scripts, with a title on each frame."""

from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import Final

from bench.profiling.stacks import Stack

WIDTH: Final = 1200
ROW: Final = 17
HEAD: Final = 30
LEAST_PIXELS: Final = 1.5
"""Narrower frames are left out, because nobody could read them."""
CHARACTER: Final = 6.6
LEAST_CHARACTERS: Final = 3
COLOURS: Final = ("#e8743b", "#ee9b52", "#f2b866", "#e5854a", "#f0a95c")

_OPENING: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {{height}}" '
    'font-family="monospace" font-size="11">'
)


@dataclass(slots=True)
class Frame:
    """A function at its place in the call tree, with the number of its samples."""

    name: str
    count: int = 0
    callees: "dict[str, Frame]" = field(default_factory=dict)

    def callee(self, name: str) -> "Frame":
        """The frame that this one calls by that name."""
        return self.callees.setdefault(name, Frame(name))

    @property
    def height(self) -> int:
        """Rows from here inwards."""
        return 1 + max((each.height for each in self.callees.values()), default=0)


def drawn(stacks: Counter[Stack], title: str) -> str:
    """The picture: widths are shares of samples, callees stand below their callers."""
    root = _tree(stacks)
    scale = WIDTH / max(1, root.count)
    frames = _rectangles(root, 0.0, 0, scale)
    height = HEAD + ROW * max((row for row, *_ in frames), default=0) + ROW
    return "\n".join(
        [
            _OPENING.format(height=height),
            f'<rect width="{WIDTH}" height="{height}" fill="#fffaf2"/>',
            f'<text x="6" y="19" font-size="14">{escape(title)}: {root.count:,} samples</text>',
            *(_rectangle(row, left, frame, scale, root.count) for row, left, frame in frames),
            "</svg>",
            "",
        ]
    )


def _tree(stacks: Counter[Stack]) -> Frame:
    root = Frame("all")
    for stack, count in sorted(stacks.items()):
        frame = root
        frame.count += count
        for name in stack:
            frame = frame.callee(name)
            frame.count += count
    return root


def _rectangles(
    frame: Frame, left: float, row: int, scale: float
) -> list[tuple[int, float, Frame]]:
    found = [(row, left, frame)]
    for callee in frame.callees.values():
        if callee.count * scale >= LEAST_PIXELS:
            found += _rectangles(callee, left, row + 1, scale)
        left += callee.count * scale
    return found


def _rectangle(row: int, left: float, frame: Frame, scale: float, total: int) -> str:
    width, top = frame.count * scale, HEAD + row * ROW
    colour = COLOURS[sum(map(ord, frame.name)) % len(COLOURS)]
    title = f"{frame.name}: {frame.count / total:.1%}"
    most = int((width - 6) / CHARACTER)
    shown = frame.name if len(frame.name) <= most else frame.name[: most - 1] + "…"
    label = (
        f'<text x="{left + 3:.1f}" y="{top + 12}">{escape(shown)}</text>'
        if most >= LEAST_CHARACTERS
        else ""
    )
    return (
        f'<g><title>{escape(title)}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" '
        f'height="{ROW - 1}" fill="{colour}"/>{label}</g>'
    )
