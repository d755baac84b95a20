"""What the gateway notes in a batch that is filled from a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

from rerankq.contract import BatchStatus

_NAME: Final = "openai"


@dataclass(frozen=True, slots=True)
class Note:
    """The import of a file, as far as it is.

    Attributes:
        file: id of the file.
        endpoint: the route that all lines must name.
        window: as the caller wrote it.
        lines: how many jobs the file has; known once it was checked.
        began: when it was checked and found good, in Unix seconds; 0 before.
        failed: when it was found bad; 0 else.
        errors: the first bad lines, as OpenAI shows them.
        faults: how many bad lines there are.
        request: fingerprint of the request that has opened the batch.
    """

    file: str
    endpoint: str
    window: str
    lines: int = 0
    began: float = 0.0
    failed: float = 0.0
    errors: tuple[Mapping[str, Any], ...] = field(default=())
    faults: int = 0
    request: str = ""

    @classmethod
    def of(cls, status: BatchStatus) -> Self | None:
        """The note in a batch; None when the batch is not filled from a file."""
        noted = status.details.get(_NAME)
        if not isinstance(noted, dict) or not isinstance(noted.get("file"), str):
            return None
        return cls(
            file=noted["file"],
            endpoint=str(noted.get("endpoint", "")),
            window=str(noted.get("window", "")),
            lines=int(noted.get("lines", 0)),
            began=float(noted.get("began", 0)),
            failed=float(noted.get("failed", 0)),
            errors=tuple(noted.get("errors", ())),
            faults=int(noted.get("faults", 0)),
            request=str(noted.get("request", "")),
        )

    def details(self) -> dict[str, Any]:
        """As it is kept in the batch."""
        return {_NAME: {name: value for name, value in asdict(self).items() if value}}

    def changed(self, **fields: Any) -> "Note":
        """The same with other values."""
        return replace(self, **fields)
