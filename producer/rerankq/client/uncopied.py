"""What both clients have in common: each holds connections."""

from typing import NoReturn, Self


class HoldsConnections:
    """A copy of it is the same object, and it cannot be pickled."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds connections, so it cannot be pickled: make a new one there")
