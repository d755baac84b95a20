"""Where calls go, as spans name it."""

from typing import NamedTuple


class Endpoint(NamedTuple):
    """The endpoint of a site.

    Attributes:
        provider: whose API it is, by the dialect's name.
        host: of its address.
        port: of its address; None for the scheme's own.
    """

    provider: str
    host: str
    port: int | None
