"""The longest beginning of a text that fits."""

from collections.abc import Callable


def longest_prefix(text: str, fits: Callable[[int], bool]) -> int:
    """How many characters of a text fit, found by halving: a longer text is taken to fit less.

    Args:
        text: the text.
        fits: whether so many characters from the beginning fit; none always do.
    """
    fitting, too_long = 0, len(text) + 1
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        if fits(middle):
            fitting = middle
        else:
            too_long = middle
    return fitting
