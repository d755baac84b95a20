"""The names that a Python program may use, by their docstrings."""

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Final

from sphinx.util.inspect import stringify_signature

from handbook.docstrings import docstring
from handbook.reference.fields import described

CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "rerankq": (
        *("RerankClient", "JobHandle", "Batch", "BatchResult"),
        *("AsyncRerankClient", "AsyncJobHandle", "AsyncBatch"),
    ),
    "rerankq.events": ("Events",),
    "rerankq.testing": ("FakeRerankq", "Retryable"),
}
"""Classes with methods, by module."""
MESSAGES: Final = (
    *("RerankResult", "RankedDocument", "Document", "Usage", "Timings"),
    *("JobStatus", "JobState", "JobError", "BatchProgress", "Lane"),
    *("BatchStatus", "BatchState", "WaitReason", "Forecast"),
    *("JobSummary", "JobPage", "JobTimeline", "JobStep"),
    *("Token", "NewToken", "Scope", "Tenant", "TenantUse"),
)
"""What these give and take, of `rerankq.contract`."""

_MODULE: Final = re.compile(r"~(?:\w+\.)*")
"""What Sphinx writes before a name whose module is not to be shown."""

_INTERNAL: Final = frozenset({"begin_anew", "call", "each", "run_soon", "settle"})
"""Methods for rerankq's own parts."""
_ASYNC: Final = "Async"
"""A class with this prefix has more of those: shown are the methods of the class without it."""


def for_sphinx() -> str:
    """Directives by which Sphinx reads the docstrings of the classes, and the messages."""
    parts = [part for module in CLASSES for part in _directives(module)]
    return "\n".join([*parts, *_messages()])


def plain() -> str:
    """The same as Markdown: signatures and docstrings."""
    parts = [part for module in CLASSES for part in _signatures(module)]
    return "\n".join([*parts, *_messages()])


def members(module: str, name: str) -> list[str]:
    """The methods and properties of a class that a program may use."""
    kind = getattr(importlib.import_module(module), name.removeprefix(_ASYNC))
    foreign = dir(Exception) if issubclass(kind, Exception) else ()
    names = (each for each in dir(kind) if not each.startswith("_"))
    return [each for each in names if each not in _INTERNAL and each not in foreign]


def _directives(module: str) -> Iterator[str]:
    yield f"## {module}\n"
    for name in CLASSES[module]:
        shown = ", ".join(members(module, name))
        options = f"   :members: {shown}\n   :inherited-members:\n" if shown else ""
        yield f"### {name}\n\n```{{eval-rst}}\n.. autoclass:: {module}.{name}\n{options}```\n"


def _messages() -> Iterator[str]:
    contract = importlib.import_module("rerankq.contract")
    yield "## rerankq.contract\n"
    yield "What the classes above give and take. All of it is read only.\n"
    for name in MESSAGES:
        yield f"### {name}\n"
        yield from described(getattr(contract, name))


def _signatures(module: str) -> Iterator[str]:
    yield f"## {module}\n"
    for name in CLASSES[module]:
        kind = getattr(importlib.import_module(module), name)
        yield f"### {name}\n\n{docstring(kind).whole}\n"
        for member in members(module, name):
            thing = inspect.getattr_static(kind, member, None)
            form = member
            if inspect.isfunction(thing):
                said = stringify_signature(inspect.signature(thing), unqualified_typehints=True)
                form += _MODULE.sub("", said)
            yield f"#### `{name}.{member}`\n\n```python\n{form}\n```\n\n{docstring(thing).whole}\n"
