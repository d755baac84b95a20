"""Stacks, and how often each was sampled, from the output of samplers."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

Stack = tuple[str, ...]
"""From the outermost frame to the innermost."""

_OFFSET: Final = re.compile(r"\+0x[0-9a-f]+$")


def from_folded(text: str) -> Counter[Stack]:
    """From lines of `outer;inner count`, which is py-spy's raw format."""
    stacks: Counter[Stack] = Counter()
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        stacks[tuple(frames.split(";"))] += int(count)
    return stacks


def from_perf(text: str) -> Counter[Stack]:
    """From `perf script`: blocks of a headline and one frame a line, the innermost first."""
    stacks: Counter[Stack] = Counter()
    for block in text.split("\n\n"):
        _, *frames = block.strip().splitlines() or [""]
        if frames:
            stacks[tuple(_symbol(frame) for frame in reversed(frames))] += 1
    return stacks


def without_lines(stacks: Counter[Stack]) -> Counter[Stack]:
    """The same by functions, without the line of a sample within its function."""
    merged: Counter[Stack] = Counter()
    for stack, count in stacks.items():
        merged[
            tuple(frame.rpartition(":")[0] + ")" if _has_line(frame) else frame for frame in stack)
        ] += count
    return merged


def shares(stacks: Counter[Stack], names: Iterable[str]) -> dict[str, float]:
    """For each text, the share of all samples in whose stack it occurs."""
    total = stacks.total() or 1
    return {
        name: sum(n for stack, n in stacks.items() if any(name in each for each in stack)) / total
        for name in names
    }


def _has_line(frame: str) -> bool:
    return bool(re.search(r":\d+\)$", frame))


def _symbol(frame: str) -> str:
    # Address, symbol with its offset, and in parentheses the file that it is from.
    symbol = frame.split(maxsplit=1)[1].rpartition(" (")[0]
    return _OFFSET.sub("", symbol)
