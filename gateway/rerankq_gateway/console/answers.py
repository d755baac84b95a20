"""What a page's function gives back: a page, another address, or a file."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from rerankq_gateway.console.markup import Html
from rerankq_gateway.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        title: its heading.
        content: what stands below.
        here: the part of the console that it belongs to, as its address names it.
        status: of HTTP.
    """

    title: str
    content: Html
    here: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """Another page is to be shown: after each form, so that a reload does nothing twice.

    Attributes:
        to: its address.
    """

    to: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file.

    Attributes:
        name: under which a browser keeps it.
        chunks: its content.
    """

    name: str
    chunks: AsyncGenerator[bytes, None]


Answer = Page | Moved | Download
Shown = Callable[[Visit], Awaitable[Answer]]
